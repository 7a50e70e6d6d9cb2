"""One emulation: its clock, its hosts and cables, its end, and others beside it."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from ndisemu import Emulation, RingMiniport, Status, run
from ndisemu.errors import UsageError
from ndisemu.kernel import SeededRandom, Timer
from ndisemu.machine.emulation import Clock
from ndisemu.ndis.states import AdapterState
from ndisemu.probe import Probe
from tests.machine.conftest import RUNNERS, applications, frame, on_asyncio, wire

Runner = Callable[[Coroutine[Any, Any, None]], None]


@pytest.mark.parametrize("runner", RUNNERS)
def test_frames_cross_on_every_loop(runner: Runner) -> None:
    """The same program runs under virtual and real time: both directions, bursts, nothing lost, nothing found."""

    async def main() -> None:
        async with Emulation(seed=7) as emu:
            tx, rx = await applications(emu)
            assert emu.clock == ("virtual" if runner is run else "real")
            frames = [frame(number) for number in range(300)]
            sending = asyncio.create_task(tx.send(frames))
            received: list[bytes] = []
            while len(received) < 300:
                received += await rx.receive()
            assert received == frames
            assert await sending == [Status.SUCCESS] * 300
            assert await rx.send([frame(1, to=b"\xff" * 6)]) == [Status.SUCCESS]
            assert await tx.receive() == [frame(1, to=b"\xff" * 6)]
            assert emu.now > 0
        assert emu.findings == []

    runner(main())


def test_virtual_time_is_exact() -> None:
    """A frame of 60 bytes takes 576 ns to its last bit and 5 us of cable, and the clock says so; sleeping adds up."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            start = emu.now
            await tx.send([frame()])
            await rx.receive()
            assert emu.now == start + 576 + 5000
            await asyncio.sleep(3600)
            assert emu.now == start + 576 + 5000 + 3600 * 10**9

    run(main())


@pytest.mark.parametrize(
    ("runner", "clock", "text"),
    [
        (run, "real", "the real clock needs a real asyncio loop: use asyncio.run instead of ndisemu.run"),
        (on_asyncio, "virtual", "the virtual clock needs the virtual loop: use ndisemu.run instead of asyncio.run"),
    ],
)
def test_a_clock_needs_its_loop(runner: Runner, clock: Clock, text: str) -> None:
    """Asking for a clock that the running loop has not says which call has it."""

    async def main() -> None:
        with pytest.raises(UsageError) as caught:
            async with Emulation(clock=clock):
                pass
        assert str(caught.value) == text

    runner(main())


@pytest.mark.parametrize(("runner", "clock"), [(run, "virtual"), (on_asyncio, "real")])
def test_a_clock_may_be_asked_for(runner: Runner, clock: Clock) -> None:
    """Where the loop has it, it is what one gets."""

    async def main() -> None:
        async with Emulation(clock=clock) as emu:
            assert emu.clock == clock

    runner(main())


def test_randomness_follows_from_seed_and_name() -> None:
    """A named generator is the same for the same seed, whatever else was drawn, and another for another name or seed."""

    def drawn(seed: int, name: str) -> float:
        return Emulation(seed=seed).random(name).random()

    assert drawn(1, "loss") == drawn(1, "loss")
    assert len({drawn(1, "loss"), drawn(2, "loss"), drawn(1, "delay")}) == 3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_order_of_work_gets_the_frames_across(seed: int) -> None:
    """A strategy may choose who goes next; the drivers do not depend on the order it picks."""

    async def main() -> None:
        strategy = SeededRandom(Emulation(seed=seed).random("order"))
        async with Emulation(strategy=strategy) as emu:
            tx, rx = await applications(emu)
            sending = asyncio.create_task(tx.send([frame(number) for number in range(100)]))
            received: list[bytes] = []
            while len(received) < 100:
                received += await rx.receive()
            assert received == [frame(number) for number in range(100)]
            assert await sending == [Status.SUCCESS] * 100
            assert strategy.schedule
        assert emu.findings == []

    run(main())


def test_a_probe_sees_what_happens() -> None:
    """The hooks of a probe that is passed in are called by every host."""

    async def main() -> None:
        probe = Probe()
        events: list[tuple[str, str, int, str]] = []
        probe.event = lambda *event: events.append(event)
        async with Emulation(probe=probe) as emu:
            tx, rx = await applications(emu)
            await tx.send([frame()])
            await rx.receive()
        kinds = {(kind, actor) for kind, actor, _, _ in events}
        assert {("send", "a.eth0"), ("send complete", "a.eth0"), ("indicate", "b.eth0")} <= kinds

    run(main())


@pytest.mark.parametrize("runner", RUNNERS)
def test_idle_waits_until_nothing_is_left_to_do(runner: Runner) -> None:
    """It returns when all work is done, to everybody who waits, and at once when there is none."""

    async def main() -> None:
        async with Emulation() as emu:
            done: list[int] = []
            timer = Timer(emu.host("a").cpus[0], lambda: done.append(emu.now))
            timer.set(2_000_000)
            if emu.kernel.poke is not None:
                emu.kernel.poke()
            await asyncio.gather(emu.idle(), emu.idle(), emu.idle())
            assert len(done) == 1
            await emu.idle()

    runner(main())


def test_a_wait_for_idle_may_be_cancelled() -> None:
    """Others who wait still hear of it."""

    async def main() -> None:
        async with Emulation() as emu:
            emu.kernel.call_at(1000, lambda: None)
            first, second = (asyncio.create_task(emu.idle()) for _ in range(2))
            await asyncio.sleep(0)
            first.cancel()
            await second
            assert emu.now == 1000

    run(main())


@pytest.mark.parametrize("runner", RUNNERS)
def test_several_emulations_share_a_loop(runner: Runner) -> None:
    """Each has its own hosts of the same names, and what is sent in one does not reach the other."""

    async def main() -> None:
        async with Emulation(seed=1) as first, Emulation(seed=2) as second:
            pairs = [await applications(emu) for emu in (first, second)]
            for number, (tx, _) in enumerate(pairs):
                assert await tx.send([frame(number)]) == [Status.SUCCESS]
            assert [await rx.receive() for _, rx in pairs] == [[frame(0)], [frame(1)]]
        assert first.findings == second.findings == []

    runner(main())


def test_emulations_may_follow_each_other() -> None:
    """A second one in the same loop begins at its own time 0."""

    async def main() -> None:
        for _ in range(3):
            async with Emulation() as emu:
                assert emu.now == 0
                tx, rx = await applications(emu)
                await tx.send([frame()])
                assert await rx.receive() == [frame()]

    run(main())


@pytest.mark.parametrize("end", ["returns", "raises", "is cancelled"])
@pytest.mark.parametrize("runner", RUNNERS)
def test_however_it_ends_the_adapters_are_halted(runner: Runner, end: str) -> None:
    """A block that returns, raises or is cancelled halts every adapter in order, and the cause comes through."""
    states: list[AdapterState] = []

    async def body(started: asyncio.Event) -> None:
        async with Emulation() as emu:
            tx, _ = await applications(emu)
            adapters = [slot.adapter for host in emu.hosts.values() for slot in host.slots.values()]
            endless = asyncio.create_task(tx.send([frame(number) for number in range(2000)]))
            started.set()
            try:
                if end == "raises":
                    raise LookupError("mine")
                if end == "is cancelled":
                    await asyncio.get_running_loop().create_future()
            finally:
                states.append(adapters[0].state.current)
        states.extend(adapter.state.current for adapter in adapters)
        await endless

    async def main() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(body(started))
        await started.wait()
        if end == "is cancelled":
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() is (end == "is cancelled")
        assert (end == "raises") is (not task.cancelled() and isinstance(task.exception(), LookupError))
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    runner(main())
    assert states[:1] == [AdapterState.RUNNING]
    assert states[1:] == ([AdapterState.HALTED] * 2 if end == "returns" else [])


def open_files() -> int:
    """Count this process's file descriptors."""
    return len(list(Path("/proc/self/fd").iterdir()))


def mappings() -> int:
    """Count the hosts' memories that are mapped."""
    return Path("/proc/self/maps").read_text(encoding="utf-8").count("memfd:ndisemu-")


@pytest.mark.parametrize("end", ["returns", "raises"])
@pytest.mark.parametrize("runner", RUNNERS)
def test_nothing_is_left_behind(runner: Runner, end: str) -> None:
    """After the block no task, descriptor or mapping of the emulation is there, whether it ended well or not."""
    gc.collect()
    before = mappings()

    async def main() -> None:
        files, tasks = open_files(), asyncio.all_tasks()
        try:
            async with Emulation() as emu:
                tx, rx = await applications(emu)
                await tx.send([frame()])
                await rx.receive()
                assert open_files() > files
                if end == "raises":
                    raise LookupError("mine")
        except LookupError:
            pass
        assert asyncio.all_tasks() == tasks
        assert open_files() == files

    runner(main())
    gc.collect()
    assert mappings() == before


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_drivers_tasks_end_with_the_emulation(runner: Runner) -> None:
    """A work item that waits for ever is reported, cancelled and gone."""

    class Waiting(RingMiniport):
        async def wait(self) -> None:
            await asyncio.get_running_loop().create_future()

    async def main() -> None:
        tasks = asyncio.all_tasks()
        async with Emulation() as emu:
            host = emu.host("a")
            slot = host.nic("eth0", Waiting)
            app = await host.bind("eth0")
            driver = slot.adapter.miniport
            assert isinstance(driver, Waiting)
            emu.kernel.submit(lambda: host.cpus[0].queue_thread(lambda: driver.ndis.schedule_work_item(driver.wait)))
            await asyncio.sleep(0.01)
            assert len(asyncio.all_tasks()) == len(tasks) + 1
            assert app.binding.adapter.running
        assert [finding.rule for finding in emu.findings] == ["wi-outstanding-at-halt"]
        assert asyncio.all_tasks() == tasks

    runner(main())


def test_a_cable_joins_two_free_cards() -> None:
    """A card has one cable, and none to itself."""

    async def main() -> None:
        async with Emulation() as emu:
            wire(emu)
            a, b = emu.hosts["a"].slots["eth0"], emu.hosts["b"].slots["eth0"]
            c = emu.host("c").nic("eth0", RingMiniport)
            with pytest.raises(UsageError, match=r"^a\.eth0 is connected to a\.eth0 - b\.eth0 already$"):
                emu.connect(a, c)
            with pytest.raises(UsageError, match=r"^b\.eth0 is connected to"):
                emu.connect(c, b)
            with pytest.raises(UsageError, match=r"^c\.eth0 cannot be connected to itself"):
                emu.connect(c, c)
            assert (c.cable, len(emu.cables)) == (None, 1)

    run(main())


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("kind", ["switch", "hub"])
def test_hosts_reach_each_other_over_a_switch_or_hub(runner: Runner, kind: str) -> None:
    """Frames reach the host that they are for, and one for everybody reaches all; leaving takes every port down."""

    async def main() -> None:
        async with Emulation() as emu:
            box = emu.switch("box", latency="2us") if kind == "switch" else emu.hub("box")
            hosts = [emu.host(name) for name in "abc"]
            for host in hosts:
                emu.connect(host.nic("eth0", RingMiniport), box, delay="500ns")
            a, b, c = [await host.bind("eth0") for host in hosts]
            assert await a.send([frame(1), frame(2, to=b"\xff" * 6)]) == [Status.SUCCESS] * 2
            heard: list[bytes] = []
            while len(heard) < 2:
                heard += await b.receive()
            assert heard == [frame(1), frame(2, to=b"\xff" * 6)]
            assert await c.receive() == [frame(2, to=b"\xff" * 6)]
            assert [port.end.carrier for port in box.ports] == [True] * 3
            assert hosts[2].slots["eth0"].nic.rx.dropped["filtered"] == 1
        assert [port.end.carrier for port in box.ports] == [False] * 3
        assert emu.findings == []

    runner(main())


def test_hosts_and_switches_have_different_names() -> None:
    """A name is given once, whatever it is for."""

    async def main() -> None:
        async with Emulation() as emu:
            emu.host("a")
            emu.switch("sw1")
            emu.hub("hub1")
            for make in (emu.host, emu.switch, emu.hub):
                for name, kind in (("a", "host"), ("sw1", "switch or hub"), ("hub1", "switch or hub")):
                    with pytest.raises(UsageError, match=f"^there is a {kind} named {name} already$"):
                        make(name)
            assert list(emu.relays) == ["sw1", "hub1"]

    run(main())


def test_a_cables_rate_and_delay_may_be_text_or_numbers() -> None:
    """Both spellings mean the same cable; without a rate it takes no time to transmit."""

    async def main() -> None:
        async with Emulation() as emu:
            slots = [emu.host(name).nic("eth0", RingMiniport) for name in "abcdef"]
            text = emu.connect(slots[0], slots[1], rate="100Mbit/s", delay="2us")
            numbers = emu.connect(slots[2], slots[3], rate=100_000_000, delay=2000)
            unpaced = emu.connect(slots[4], slots[5], rate=None, mtu=9000)
            assert (text.rate, text.delay) == (numbers.rate, numbers.delay) == (100_000_000, 2000)
            assert (unpaced.rate, unpaced.delay) == (None, 0)

    run(main())


def test_an_emulation_says_how_it_stands() -> None:
    """Seed, time and hosts."""

    async def main() -> None:
        async with Emulation(seed=7) as emu:
            assert repr(emu) == "<Emulation seed=7 at 0 ns: no hosts>"
            wire(emu)
            assert repr(emu) == "<Emulation seed=7 at 0 ns: a, b>"

    run(main())


@pytest.mark.parametrize(("warn", "ask", "warned"), [(True, False, True), (True, True, False), (False, False, False)])
def test_findings_that_nobody_has_asked_for_are_logged(
    caplog: pytest.LogCaptureFixture, warn: bool, ask: bool, warned: bool
) -> None:
    """A program that embeds an emulation does not end as if all were well, unless it has looked or does not want to know."""

    async def main() -> None:
        async with Emulation(warn=warn) as emu:
            emu.kernel.report("some-rule", "a.eth0", "did what it must not")
            if ask:
                assert len(emu.findings) == 1

    run(main())
    assert ("some-rule: a.eth0 at 0 ns: did what it must not" in caplog.text) is warned
