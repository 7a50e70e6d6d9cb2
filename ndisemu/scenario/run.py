"""Running a scenario: build, observe, let time pass, halt, judge.

A run ends when nothing is left to do, when its duration has passed, when an
adapter does not start, or when it is interrupted; the result says which, and
holds what was counted until then.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ndisemu import __version__
from ndisemu.errors import BugCheck, RuleViolation
from ndisemu.kernel import Kernel, Watchdog, driver_name
from ndisemu.machine import Emulation
from ndisemu.machine.faults import FAULTS
from ndisemu.observe import CaptureLog, EventLog, Interface, RunDirectory
from ndisemu.observe.objects import FILE, ObjectLog
from ndisemu.scenario.build import Plan, build
from ndisemu.scenario.counters import Counters, count, count_buffers, count_cpu, count_switch
from ndisemu.scenario.result import FailOn, Result, make_result
from ndisemu.scenario.schema import Scenario
from ndisemu.scenario.trouble import Applied, Injector, Trouble
from ndisemu.verifier import EVERYTHING, Track, Verification


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Where to write (None: nowhere), what to verify (None: nothing) and which
    findings make the run fail, who is shown the built machine, and what does
    the faults.
    """

    out: Path | None = None
    verify: Verification | None = EVERYTHING
    fail_on: FailOn = "violation"
    watch: Callable[[Plan, Emulation], None] | None = None
    injectors: Mapping[str, Injector] = field(default_factory=lambda: FAULTS)


class Run:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, options: Options, directory: RunDirectory | None) -> None:
        self._scenario = scenario
        self._options = options
        self._directory = directory
        self._plan = Plan()
        self._buffers: dict[str, Counters] = {}
        self._cpus: dict[str, Counters] = {}
        self._faults: Sequence[Applied] = ()
        self._end_time = 0
        self.ended = "failed"

    async def execute(self) -> Result:
        """Run from beginning to end; returns the result, also of an interrupted or failed run."""
        scenario = self._scenario
        # The result tells what was found.
        emulation = Emulation(seed=scenario.seed, clock=scenario.clock, warn=False, verify=self._options.verify)
        with Watchdog(emulation.kernel):
            file = None if self._directory is None else await self._directory.open("events.jsonl")
            events = EventLog(emulation.kernel, None if file is None else file.append)
            events.attach()
            await self._write_objects(emulation)
            async with emulation:
                await self._let_it_run(emulation)
                await self._halt(emulation)
            events.detach()
        nics = {
            name: count(slot, self._plan.arriving[name], self._buffers[name]) for name, slot in self._plan.slots.items()
        }
        return make_result(
            scenario,
            seed=scenario.seed,
            clock=scenario.clock,
            build="free" if self._options.verify is None else "checked",
            ended=self.ended,
            virtual_time=self._end_time,
            trace_sha256=events.hexdigest(),
            nics=nics,
            cpus=self._cpus,
            failures={name: slot.adapter.sends.failures for name, slot in self._plan.slots.items()},
            switches={name: count_switch(switch) for name, switch in self._plan.switches.items()},
            flows=self._plan.flows,
            faults=self._faults,
            findings=emulation.findings,
            findings_lost=emulation.kernel.findings_lost,
            fail_on=self._options.fail_on,
        )

    async def _write_objects(self, emulation: Emulation) -> None:
        """Write down, for queries, what the ledger notes; where there is a directory, and a ledger that notes everything."""
        verify, verifier = self._options.verify, emulation.verifier
        if self._directory is None or verifier is None or verify is None or verify.track < Track.HISTORY:
            return
        file = await self._directory.open(FILE)
        verifier.ledger.listen(ObjectLog(file.append).note)

    async def _let_it_run(self, emulation: Emulation) -> None:
        """Build and start everything and wait for the end; whatever the end is, the emulation can be halted after it."""
        capture: CaptureLog | None = None
        try:
            self._plan = build(self._scenario, emulation)
            capture = await self._capture(emulation)
            if self._options.watch is not None:
                self._options.watch(self._plan, emulation)
            await self._start(emulation)
            await self._pass_time(emulation)
        except BugCheck as failure:
            if not emulation.findings:
                _report(emulation.kernel, self._scenario.name, failure)
        except asyncio.CancelledError:
            self.ended = "interrupted"
        self._end_time = emulation.now
        cpus = (cpu for host in emulation.hosts.values() for cpu in host.cpus)
        self._cpus = {cpu.name: count_cpu(cpu, emulation.now) for cpu in cpus}
        self._buffers = {name: count_buffers(slot) for name, slot in self._plan.slots.items()}
        if capture is not None:
            capture.close()

    async def _start(self, emulation: Emulation) -> None:
        """Start every adapter, bind stations and callers, then let all of them send at once."""
        for slot in self._plan.slots.values():
            await slot.host.start(slot.short_name)
        for name, station in self._plan.stations.items():
            slot = self._plan.slots[name]
            try:
                await slot.host.bind_protocol(slot.short_name, station)
            except RuleViolation as violation:
                text = f"{name}: its protocol cannot be registered: {violation}"
                raise BugCheck(text, violation, actor=name, driver=driver_name(station)) from None
        for circuits in self._plan.circuits:
            await circuits.bind()
            circuits.start()
        for name, station in self._plan.stations.items():
            self._plan.slots[name].host.cpus[0].queue_thread(station.start)
        if emulation.kernel.poke is not None:
            emulation.kernel.poke()

    async def _pass_time(self, emulation: Emulation) -> None:
        """Let the scenario's faults happen, and wait for the end of the run."""
        trouble = self._trouble(emulation)
        if self._scenario.duration is None:
            await trouble.happen()
            await emulation.idle()
            self.ended = "idle"
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._scenario.duration / 1e9):
                await trouble.happen()
                await asyncio.get_running_loop().create_future()
        self.ended = "duration"

    def _trouble(self, emulation: Emulation) -> Trouble:
        trouble = Trouble(self._scenario.faults, self._plan.slots, self._options.injectors, emulation.kernel)
        self._faults = trouble.applied
        return trouble

    async def _halt(self, emulation: Emulation) -> None:
        """Halt every adapter, last first, and note whether anything was left undone when all was quiet."""
        if emulation.verifier is not None and self.ended == "idle":
            emulation.verifier.quiet()
        for slot in reversed(self._plan.slots.values()):
            await slot.adapter.halt()

    async def _capture(self, emulation: Emulation) -> CaptureLog | None:
        """Open the capture and let every NIC that is to be recorded write into it."""
        wanted = self._scenario.capture
        if wanted is None or self._directory is None:
            return None
        names = list(self._plan.slots) if wanted.interfaces is None else [str(one) for one in wanted.interfaces]
        slots = [self._plan.slots[name] for name in names]
        interfaces = [Interface(slot.name, slot.below, slot.mac, slot.rate, slot.expects_frames) for slot in slots]
        file = await self._directory.open("capture.pcapng")
        capture = CaptureLog(emulation.kernel, interfaces, f"ndisemu {__version__}", file.append)
        for slot in slots:
            slot.record(*capture.hooks(slot.name))
        return capture


def _report(kernel: Kernel, name: str, failure: BugCheck) -> None:
    """Report a driver that cannot be had: by the rule that its class breaks, which no line of it has run into, or its error."""
    if isinstance(failure.cause, RuleViolation):
        kernel.report(failure.cause.rule, failure.actor or name, str(failure), by=failure.driver)
    else:
        kernel.report("driver", failure.actor or name, str(failure), failure.cause, by=failure.driver)


async def run(scenario: Scenario, options: Options) -> Result:
    """Run a scenario under the loop that is running, and write its run directory if there is to be one."""
    if options.out is None:
        return await Run(scenario, options, None).execute()
    async with RunDirectory(options.out) as directory:
        result = await Run(scenario, options, directory).execute()
        await directory.write("result.json", (json.dumps(result, indent=2) + "\n").encode())
    return result
