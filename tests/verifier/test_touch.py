"""Fields under watch: who touches them, of what, and that nothing else changes."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from ndisemu.drivers.protocols import Station, Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.ndis import Packet, Status, v5, v6
from ndisemu.verifier import EVERYTHING, Rule, Verification
from ndisemu.verifier.rule import EVERY, touched
from ndisemu.verifier.touch import Touch
from tests.verifier.exercises import found_in


class Noticed(Rule):
    """A rule that notices every touch of some fields."""

    id = "noticed"
    models = EVERY
    source = "a test"
    why = "To see what is told"

    @touched("OobBlock.time_to_send", "Packet.miniport_reserved", "NetBufferList.status")
    def noticed(self, touch: Touch) -> None:
        """Report it."""
        name = type(touch.driver).__name__
        self.broken(f"{name} {'sets' if touch.write else 'reads'} {touch.field}: {touch.value!r}", touch.item)


class WritesIntoTheBlock(RingMiniport):
    """It keeps a number where the protocol says when to send, and where a miniport may keep what it likes."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        packets[0].oob.time_to_send = 7
        packets[0].miniport_reserved = "mine"
        await super().send_packets(packets)


class ReadsTheStatus(Station6):
    """It looks at the status in its completion, as it may."""

    def send_complete(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        self.failed += nbls[0].status is not Status.SUCCESS
        super().send_complete(binding, nbls, flags)


class FillsWhatItSends(RingMiniport):
    """It changes a packet by the packet's own method."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        packets[0].fill(bytes(60))
        await super().send_packets(packets)


def clear(packets: list[Packet]) -> None:
    """Fill packets with nothing."""
    for packet in packets:
        packet.fill(bytes(packet.length))


class ClearsInATimer(Station):
    """A protocol whose timer comes while the miniport is in the middle of something, and clears what has come back."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        status = await super().bind_adapter(context)
        self.back: list[Packet] = []
        self.timer = self.gathering._binding.initialize_timer(partial(clear, self.back))
        return status

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        self.back.extend(packets)
        self.timer.set(0)
        super().send_complete(binding, packets, status)


@pytest.mark.parametrize(
    ("driver", "told"),
    [
        (WritesIntoTheBlock, {"WritesIntoTheBlock sets OobBlock.time_to_send: 7",
                              "WritesIntoTheBlock sets Packet.miniport_reserved: 'mine'"}),
        (ReadsTheStatus, {"ReadsTheStatus reads NetBufferList.status: None"}),
    ],
)  # fmt: skip
def test_a_touch_names_the_field_the_driver_and_the_value(driver: type[Any], told: set[str]) -> None:
    """What NDIS itself does with a field is no touch."""
    findings = found_in(driver, "life", Verification([Noticed], touch=True))
    mine = {finding.text for finding in findings if finding.text.startswith(driver.__name__)}
    assert mine == told
    assert all(finding.about and finding.stack for finding in findings)


class Filled(Rule):
    """A rule that notices who looks where the bytes of a packet are."""

    id = "filled"
    models = EVERY
    source = "a test"
    why = "To see who is told of"

    @touched("Packet.window")
    def filled(self, touch: Touch) -> None:
        """Report who does."""
        whose = "its own" if isinstance(touch.item.owner, v5.Binding) else "another's"
        self.broken(f"{type(touch.driver).__name__}, {whose}", touch.item)


@pytest.mark.parametrize(("driver", "told"), [(FillsWhatItSends, "another's"), (ClearsInATimer, "its own")])
def test_what_a_packets_own_methods_do_is_done_by_who_has_called_them(driver: type[Any], told: str) -> None:
    """And what a protocol does with its packets never by a miniport that was only interrupted for it."""
    found = {finding.text for finding in found_in(driver, "life", Verification([Filled], touch=True))}
    assert f"{driver.__name__}, {told}" in found
    assert "RingMiniport, its own" not in found


def test_without_the_level_no_field_is_watched() -> None:
    """The rule is there, and is told nothing."""
    assert not found_in(WritesIntoTheBlock, "life", Verification([Noticed]))
    assert not EVERYTHING.touch
