"""The rules of the receive path, where their pairs do not show it: what a report says, corner cases, no false alarms."""

from collections.abc import Sequence
from typing import Any

import pytest

from ndisemu.drivers.faulty import PAIRS
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.drivers.protocols import Station, Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.drivers.ring_explicit import ExplicitRingMiniport
from ndisemu.ndis import Packet, Status, v5, v6
from tests.verifier.exercises import found_in, receive


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("rx-chain-wellformed", "a.eth0 indicated nbl#33, twice in one call; name each once"),
        ("rx-wrong-pool", "which a protocol sends; indicate what comes from a pool of the miniport's own"),
        ("rx-reindicate-in-use", "(lent to protocols); indicate it again only after MiniportReturnPacket"),
        (
            "rx-before-init-done-5x",
            "a.eth0 called NdisMIndicateReceivePacket in state Initializing; enable the interrupt",
        ),
        ("rx-nbl-initialised", "of 64 bytes, whose buffers describe 60; set the length of the data"),
        ("rx-throttle", "MiniportInterruptDPC of a.eth0 indicated 16 lists; it was allowed 2"),
        (
            "rx-flag-ethertype",
            "indicated 4 lists with NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE, and their EtherTypes are 88b5",
        ),
        ("rx-flag-vlan-queue", "with NDIS_RECEIVE_FLAGS_SINGLE_VLAN, and their VLANs are 1 and 2"),
        ("rx-filter-respected", "and nobody has asked for frames to 02:ff:ff:ff:ff:ff; set the flag where it is true"),
        ("rx-payload-unmodified", "near on a.eth0 returned nbl#33 with other bytes than it was given; change a copy"),
        ("rx5-refcount", "near on a.eth0 returned 1 packets more than ProtocolReceivePacket has promised"),
        (
            "rx5-no-return-inside-handler",
            "inside the ProtocolReceivePacket that brought it; return 0 there to keep none",
        ),
        ("rx-resources-reclaim", "it has indicated 64 frames with RESOURCES: reuse those as soon as the call returns"),
        ("rx-oob-status-peek", "a.eth0 reads the status of packet#33 after its indication"),
        ("rx-resources-no-retain", "near reads NetBufferList.buffers of nbl#33, which it was shown with RESOURCES"),
    ],
)
def test_a_report_says_who_did_what_and_what_would_have_been_right(rule: str, text: str) -> None:
    """The first of a kind, by the driver that is made for it."""
    pair = PAIRS[rule]
    found = [finding for finding in found_in(pair.wrong, pair.exercise) if finding.rule == rule]
    assert text in found[0].text


class LeavesAListEmpty(Ring6Miniport):
    """It indicates a list that has no frame."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        frames, nbls[0].buffers = nbls[0].buffers, ()
        self.lent += len(nbls)
        try:
            self.ndis.indicate_receive(nbls)
        finally:
            nbls[0].buffers = frames


class CutsAHeader(RingMiniport):
    """It indicates what is shorter than a header."""

    def receive(self) -> bool:
        packets = self.rx.take(1)
        for packet in packets:
            packet.resize(13)
        self.ndis.indicate_receive(packets)
        return not packets


@pytest.mark.parametrize(
    ("driver", "text"),
    [
        (LeavesAListEmpty, "which has no NET_BUFFER; a frame is one"),
        (CutsAHeader, "of 13 bytes; a frame has a header of 14 at least"),
    ],
)
def test_what_is_no_frame_is_not_indicated(driver: type[Any], text: str) -> None:
    """Neither nothing, nor less than a header."""
    found = [finding for finding in found_in(driver, "life") if finding.rule == "rx-nbl-initialised"]
    assert text in found[0].text


class AdvancesAndReturns(Station6):
    """It leaves the start of each list behind the header, and returns it so."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        for nbl in nbls:
            nbl.advance(14)
        binding.return_nbls(nbls)


def test_a_start_that_was_moved_is_a_payload_that_was_modified() -> None:
    """The report says how far, and how to undo it."""
    found = [finding for finding in found_in(AdvancesAndReturns, "life") if finding.rule == "rx-payload-unmodified"]
    assert "beginning 14 bytes later than it was given; retreat as far as you have advanced" in found[0].text


class SetsTheStatusAnew(RingMiniport):
    """It sets the status after the call, and reads what it has set."""

    def receive(self) -> bool:
        packets = self.rx.take(64)
        self.ndis.indicate_receive(packets)
        for packet in packets:
            packet.status = Status.SUCCESS
        self.sound = all(packet.status is Status.SUCCESS for packet in packets)
        return len(packets) < 64


def test_a_status_that_the_driver_has_set_itself_it_may_read() -> None:
    """It tells nothing of what a protocol has done."""
    assert not [finding for finding in found_in(SetsTheStatusAnew, "life") if finding.rule == "rx-oob-status-peek"]


class ReturnsLater(Station):
    """It returns what an earlier ProtocolReceivePacket has brought, inside a later one."""

    kept: Sequence[Packet] = ()

    def receive_packets(self, binding: Any, packets: Sequence[Packet]) -> int:
        if self.kept:
            binding.return_packets(self.kept)
        self.kept = tuple(packets)
        return 1

    async def unbind_adapter(self, binding: Any) -> None:
        binding.return_packets(self.kept)
        await super().unbind_adapter(binding)


def test_another_packet_may_be_returned_inside_the_handler() -> None:
    """Only the one that is being brought may not."""
    assert found_in(ReturnsLater, "life") == []


class ChangesWhatItKeeps(ReturnsLater):
    """It writes into what it has kept before it returns it."""

    def receive_packets(self, binding: Any, packets: Sequence[Packet]) -> int:
        for packet in self.kept:
            packet.put(b"seen")
        return super().receive_packets(binding, packets)


def test_what_was_kept_is_compared_when_it_is_returned() -> None:
    """Both who had it and whose it is are named, as neither was seen."""
    found = found_in(ChangesWhatItKeeps, "traffic")
    assert {finding.rule for finding in found} == {"rx-payload-unmodified"}
    assert "with other bytes than it was given; change a copy, if it was not a.eth0" in found[0].text
    assert "ChangesWhatItKeeps" in found[0].driver


@pytest.mark.parametrize("exercise", receive.EXERCISES)
@pytest.mark.parametrize("driver", [RingMiniport, ExplicitRingMiniport, LegacyMiniport, Ring6Miniport])
def test_the_reference_drivers_break_no_rule(driver: type[Any], exercise: str) -> None:
    """Whatever is done to them here; what a generation does not have it is not asked for."""
    if exercise in {"throttled", "paused"} and driver is not Ring6Miniport:
        exercise = "batches"
    assert [finding.text for finding in found_in(driver, exercise)] == []


class MarksAsFailed(Ring6Miniport):
    """It says of what it has received that it has failed."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        for nbl in nbls:
            nbl.status = Status.FAILURE
        super().indicate(nbls)


def test_what_is_received_has_not_failed() -> None:
    """The status that a miniport gives its lists is part of what it initialises."""
    found = found_in(MarksAsFailed, "traffic")
    assert {finding.rule for finding in found} == {"rx-nbl-initialised"}
    assert "whose status is NDIS_STATUS_FAILURE; what has been received has SUCCESS" in found[0].text


class LeavesAStatus(Station6):
    """It writes down in each list what it thinks of it."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        for nbl in nbls:
            nbl.status = Status.NOT_ACCEPTED
        super().receive_nbls(binding, nbls, port, flags)


def test_a_status_that_a_protocol_has_left_is_not_the_miniports() -> None:
    """Nobody says that it has to set it again."""
    assert found_in(LeavesAStatus, "slow client") == []


def keeps(count: Any) -> type[Station]:
    """Return a protocol that says so of how many references it keeps."""

    class Keeps(Station):
        def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> Any:
            super().receive_packets(binding, packets)
            return count

    return Keeps


@pytest.mark.parametrize("count", [None, False, Status.SUCCESS, ()])
def test_what_is_no_number_of_references_is_told_even_if_it_is_nothing(count: object) -> None:
    """In C it would be whatever lay in the register."""
    found = found_in(keeps(count), "traffic")
    assert {finding.rule for finding in found} == {"rx5-refcount"}
    assert f"ProtocolReceivePacket of near on a.eth0 returned {count!r}; it returns how many" in found[0].text


class TakesAllOut(Station):
    """It takes the packets out of the array that it is shown, as if that were a queue."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        mine = list(packets)
        if isinstance(packets, list):
            packets.clear()
        return super().receive_packets(binding, mine)


def test_the_array_is_not_the_protocols_to_empty() -> None:
    """The books are the same, whatever it tries."""
    assert found_in(TakesAllOut, "traffic") == []


class AnswersAPacketInPlace(Station):
    """It turns each frame into the answer to it, in the packet that it is shown."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        for packet in packets:
            frame = packet.read()
            packet.put(frame[6:12] + frame[:6])
        return 0


def test_the_data_of_a_packet_is_not_its_readers_to_change() -> None:
    """Others are shown the same packet."""
    found = found_in(AnswersAPacketInPlace, "traffic")
    assert {finding.rule for finding in found} == {"rx-payload-unmodified"}
    assert "near on a.eth0 changed the data of packet#33, which it was shown by ProtocolReceivePacket" in found[0].text
