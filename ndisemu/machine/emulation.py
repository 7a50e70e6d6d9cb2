"""One emulation: hosts on one kernel, in the time of the running asyncio loop.

Entering it attaches the kernel to the loop: to virtual time under
`ndisemu.run`, to the real clock on any other loop. Leaving it, also by
cancellation, halts every adapter in order and leaves no task, descriptor or
mapping behind.
"""

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from random import Random
from types import TracebackType
from typing import Any, Final, Literal, Self

from ndisemu.errors import UsageError
from ndisemu.kernel import Costs, Finding, Kernel, RealTimePump, Strategy, VirtualLoop
from ndisemu.link import Cable, Hub, Relay, Switch, stream_pair
from ndisemu.link.relay import DEFAULT_QUEUE
from ndisemu.link.switch import ADDRESSES, AGEING
from ndisemu.machine.host import MEBIBYTE, Host
from ndisemu.machine.slot import BaseSlot, Slot
from ndisemu.machine.strays import Strays
from ndisemu.machine.stream import StreamSlot
from ndisemu.probe import Probe
from ndisemu.units import format_time, parse_duration, parse_rate
from ndisemu.verifier import Verification, Verifier

# How many findings are logged at the end; a driver can be wrong a million times.
MOST_WARNINGS: Final = 10
_LOG: Final = logging.getLogger("ndisemu")

Clock = Literal["virtual", "real"]


class Emulation:
    """Hosts, cables and the kernel they run on.

    `clock` None chooses by the running loop. With `verify` every adapter is watched, by the rules that it names; without,
    nobody is. What was found and nobody has asked for is logged at the end, unless `warn` is False. All randomness derives from
    `seed`, through `random(name)`. Several emulations can run in one loop.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Clock | None = None,
        strategy: Strategy | None = None,
        probe: Probe | None = None,
        warn: bool = True,
        verify: Verification | None = None,
    ) -> None:
        self.seed = seed
        self.kernel = Kernel(probe=probe, strategy=strategy)
        self.verifier = None if verify is None else Verifier(self.kernel, verify)
        self.hosts: dict[str, Host] = {}
        self.relays: dict[str, Relay] = {}
        self.cables: list[Cable] = []
        self._wanted = clock
        self._asked = not warn
        self._idlers: list[asyncio.Future[None]] = []
        self._loop: VirtualLoop | None = None
        self._pump: RealTimePump | None = None
        self._tasks: dict[asyncio.Task[object], None] = {}
        self._strays: Strays | None = None

    def __repr__(self) -> str:
        return f"<Emulation seed={self.seed} at {self.kernel.now} ns: {', '.join(self.hosts) or 'no hosts'}>"

    @property
    def clock(self) -> Clock:
        """Which clock it runs on."""
        return "virtual" if self._loop is not None else "real"

    @property
    def now(self) -> int:
        """Nanoseconds since it was entered."""
        return self.kernel.now

    @property
    def findings(self) -> list[Finding]:
        """What went wrong so far: broken rules and stopped adapters. Who asks is not warned of them at the end."""
        self._asked = True
        return self.kernel.findings

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if isinstance(loop, VirtualLoop):
            if self._wanted == "real":
                raise UsageError("the real clock needs a real asyncio loop: use asyncio.run instead of ndisemu.run")
            self._loop = loop
            loop.attach(self.kernel)
        else:
            if self._wanted == "virtual":
                raise UsageError("the virtual clock needs the virtual loop: use ndisemu.run instead of asyncio.run")
            self._pump = RealTimePump(self.kernel)
        self.kernel.spawn = self._spawn
        self._strays = Strays(self.kernel, loop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.verifier is not None and self.kernel.next_work() is None:
                self.verifier.quiet()
            for host in reversed(self.hosts.values()):
                await host.halt()
            for cable in self.cables:
                cable.unplug()
        finally:
            # A task that is cancelled before its first step closes nothing.
            await asyncio.sleep(0)
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._loop is not None:
                self._loop.detach(self.kernel)
            if self._pump is not None:
                self._pump.close()
            for host in self.hosts.values():
                host.close()
            if self._strays is not None:
                self._strays.close()
            self._warn()

    def _warn(self) -> None:
        """Log what went wrong, unless somebody has asked: an embedding program must not end as if all were well."""
        for finding in () if self._asked else self.kernel.findings[:MOST_WARNINGS]:
            _LOG.warning("%s: %s at %s: %s", finding.rule, finding.actor, format_time(finding.time), finding.text)

    def random(self, name: str) -> Random:
        """Return the generator of this name, seeded from the run's seed and the name alone."""
        return Random(f"{self.seed}/{name}")

    def host(self, name: str, *, cpus: int = 1, memory: int = 64 * MEBIBYTE, costs: Costs | None = None) -> Host:
        """Add a host with `cpus` virtual CPUs and `memory` bytes, whose work takes the time that `costs` says, or none."""
        self._check_new(name)
        host = Host(self.kernel, name, len(self.hosts), cpus=cpus, memory=memory, costs=costs, watch=self._watch)
        self.hosts[name] = host
        return host

    def switch(
        self,
        name: str,
        *,
        queue: int = DEFAULT_QUEUE,
        latency: int | str = 0,
        ageing: int | str = AGEING,
        addresses: int = ADDRESSES,
    ) -> Switch:
        """Add a learning switch, whose ports come with what is connected to it; durations in ns or as text."""
        self._check_new(name)
        switch = Switch(self.kernel, name, queue=queue, latency=_ns(latency), ageing=_ns(ageing), addresses=addresses)
        self.relays[name] = switch
        return switch

    def hub(self, name: str, *, queue: int = DEFAULT_QUEUE, latency: int | str = 0) -> Hub:
        """Add a hub, whose ports come with what is connected to it."""
        self._check_new(name)
        hub = Hub(self.kernel, name, queue=queue, latency=_ns(latency))
        self.relays[name] = hub
        return hub

    def connect(
        self,
        a: Slot,
        b: Slot | Relay,
        *,
        rate: int | str | None = "1Gbit/s",
        delay: int | str = 0,
        mtu: int | None = None,
    ) -> Cable:
        """Run a cable from a card to another one, or to a new port of a switch or hub.

        The rate is in bit/s or text (None: unpaced), the delay in ns or text.
        """
        if a is b:
            raise UsageError(f"{a.name} cannot be connected to itself; a cable runs between two cards")
        slots = [a, b] if isinstance(b, Slot) else [a]
        for slot in slots:
            if slot.cable is not None:
                raise UsageError(f"{slot.name} is connected to {slot.cable.name} already")
        cable = Cable(
            f"{a.name} - {b.name}",
            lambda: self.kernel.now,
            rate=parse_rate(rate) if isinstance(rate, str) else rate,
            delay=_ns(delay),
            mtu=max(slot.mtu for slot in slots) if mtu is None else mtu,
        )
        self.cables.append(cable)
        for slot, end in zip(slots, (cable.a, cable.b), strict=False):
            slot.cable = cable
            slot.nic.plug(end)
        cable.plug(a.nic, b.nic if isinstance(b, Slot) else b.add_port(cable.b))
        return cable

    def connect_streams(self, a: StreamSlot, b: StreamSlot) -> None:
        """Join two stream NICs by an asyncio stream inside this process; it has no rate and no delay."""
        if a is b:
            raise UsageError(f"{a.name} cannot be connected to itself; a stream runs between two NICs")
        for slot in (a, b):
            slot.claim()
        for slot, stream in zip((a, b), stream_pair(), strict=True):
            slot.device.attach(stream)

    async def idle(self) -> None:
        """Wait until the kernel has nothing left to do: no work ready, none to come."""
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idlers.append(reached)
        self.kernel.on_idle = self._tell_idlers
        if self.kernel.poke is not None:
            self.kernel.poke()
        try:
            await reached
        finally:
            if reached in self._idlers:
                self._idlers.remove(reached)

    def _watch(self, slot: BaseSlot) -> None:
        """Watch a new NIC, before its driver is started."""
        if self.verifier is not None:
            self.verifier.attach(slot.adapter)
            name = slot.adapter.name
            slot.record(partial(self.verifier.sent, name), None, partial(self.verifier.placed, name))

    def _check_new(self, name: str) -> None:
        for kind, others in (("host", self.hosts), ("switch or hub", self.relays)):
            if name in others:
                raise UsageError(f"there is a {kind} named {name} already")

    def _tell_idlers(self) -> None:
        self.kernel.on_idle = None
        waiting, self._idlers = self._idlers, []
        for reached in waiting:
            if not reached.done():
                reached.set_result(None)

    def _spawn(self, coroutine: Coroutine[Any, Any, object], name: str) -> asyncio.Task[object]:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task


def _ns(duration: int | str) -> int:
    return parse_duration(duration) if isinstance(duration, str) else duration
