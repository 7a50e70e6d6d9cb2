"""Trouble on command: each word of `FAULTS` does to a machine what it says, and says why where it cannot."""

from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from ndisemu import Emulation, RingMiniport, Status, StreamMiniport, run
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import UsageError
from ndisemu.hw import registers as reg
from ndisemu.machine import FAULTS, BaseSlot, Slot
from ndisemu.ndis import Adapter
from ndisemu.ndis.states import AdapterState
from ndisemu.ndis.v6.states import AdapterState as AdapterState6
from tests.machine.conftest import RUNNERS, applications, frame, wire


class Told:
    """An adapter that notes down what it is asked."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.calls: list[str] = []

    async def reset(self) -> Status:
        self.calls.append("reset")
        return Status.SUCCESS

    async def surprise_remove(self) -> None:
        self.calls.append(f"surprise_remove, card removed: {self.slot.nic.removed}")

    async def halt(self) -> None:
        self.calls.append("halt")


async def begin(slot: BaseSlot, word: str) -> None:
    """Start a fault."""
    await FAULTS[word].start(slot)


async def finish(slot: Slot, word: str) -> None:
    """End a fault that can be timed."""
    end = FAULTS[word].end
    assert end is not None
    await end(slot)


def test_the_faults_that_can_be_timed() -> None:
    """These are over by themselves; the others need somebody who acts."""
    assert [word for word, fault in FAULTS.items() if fault.end] == ["link_down", "shared_memory_fails", "pause"]


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_link_goes_down_and_comes_up(runner: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """Frames sent meanwhile wait on their card, and arrive when the carrier is back; on every loop."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            a = emu.hosts["a"].slots["eth0"]
            b = emu.hosts["b"].slots["eth0"]
            await begin(a, "link_down")
            assert [slot.nic.link_up() for slot in (a, b)] == [False, False]
            await finish(a, "link_down")
            await begin(b, "link_down")
            await begin(a, "link_up")
            assert [slot.nic.link_up() for slot in (a, b)] == [True, True]
            assert await tx.send([frame(1)]) == [Status.SUCCESS]
            assert await rx.receive() == [frame(1)]
            assert emu.findings == []

    runner(main())


def test_a_card_hangs_when_it_is_told_to() -> None:
    """The registers answer, and only the card of that slot hangs."""

    async def main() -> None:
        async with Emulation() as emu:
            wire(emu)
            a, b = (emu.hosts[name].slots["eth0"] for name in ("a", "b"))
            await begin(a, "hang")
            assert [slot.nic.hung for slot in (a, b)] == [True, False]
            a.nic.mmio_write(reg.CTRL, reg.CTRL_RST)
            assert not a.nic.hung

    run(main())


def test_shared_memory_fails_for_one_adapter() -> None:
    """The other adapter of the host and the pools of protocols get theirs."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            slot = host.nic("eth0", RingMiniport)
            host.nic("eth1", RingMiniport)
            await begin(slot, "shared_memory_fails")
            assert host.memory.allocate(64, owner=slot.adapter.name, purpose="ring") is None
            await host.bind("eth1")
            await finish(slot, "shared_memory_fails")
            await host.bind("eth0")
            assert emu.findings == []

    run(main())


def test_an_adapter_that_is_stopped_is_halted() -> None:
    """It can be started again."""

    async def main() -> None:
        async with Emulation() as emu:
            a, _ = wire(emu)
            await a.bind("eth0")
            slot = a.slots["eth0"]
            await begin(slot, "stop")
            assert slot.adapter.state.current is AdapterState.HALTED
            await a.start("eth0")
            assert slot.adapter.running
            assert emu.findings == []

    run(main())


def test_an_adapter_is_asked_for_what_befalls_it() -> None:
    """Each word reaches it, and a card is gone before its driver hears of it."""

    async def main() -> None:
        async with Emulation() as emu:
            slot = emu.host("a").nic("eth0", RingMiniport)
            adapter = Told(slot)
            slot.adapter = cast("Adapter", adapter)
            for word in ("reset", "surprise_remove", "stop"):
                await begin(slot, word)
            assert adapter.calls == ["reset", "surprise_remove, card removed: True", "halt"]

    run(main())


def test_an_adapter_of_ndis_6_is_paused_and_goes_on() -> None:
    """It starts paused; the end of a pause is a restart."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            slot = host.nic("eth0", Ring6Miniport)
            await host.start("eth0")
            states = [slot.adapter.state.current]
            for word, change in (("restart", begin), ("pause", begin), ("pause", finish)):
                await change(slot, word)
                states.append(slot.adapter.state.current)
            paused, runs = AdapterState6.PAUSED, AdapterState6.RUNNING
            assert states == [paused, runs, paused, runs]

    run(main())


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("pause", r"^a\.eth0 is an NDIS 5\.1 adapter, which has no pause; NDIS 6 has$"),
        ("restart", r"^a\.eth0 is an NDIS 5\.1 adapter, which has no restart; NDIS 6 has$"),
        ("link_down", r"^a\.eth0 has no cable; connect it before its link goes down or up$"),
        ("link_up", r"^a\.eth0 has no cable; connect it before its link goes down or up$"),
    ],
)
def test_a_fault_that_cannot_be_says_why(word: str, text: str) -> None:
    """The error names the NIC and what it lacks."""

    async def main() -> None:
        async with Emulation() as emu:
            slot = emu.host("a").nic("eth0", RingMiniport)
            with pytest.raises(UsageError, match=text):
                await begin(slot, word)

    run(main())


@pytest.mark.parametrize("word", ["hang", "link_down", "link_up", "surprise_remove"])
def test_what_happens_to_a_card_does_not_happen_to_a_stream(word: str) -> None:
    """The error names the NIC, what it has instead, and the fault."""

    async def main() -> None:
        async with Emulation() as emu:
            slot = emu.host("a").stream_nic("eth0", StreamMiniport)
            text = rf"^a\.eth0 has a stream and no card, and {word} happens to a card$"
            with pytest.raises(UsageError, match=text):
                await begin(slot, word)

    run(main())
