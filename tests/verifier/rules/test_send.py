"""The rules of the send path, where their pairs do not show it: several frames in a list, and cancels of 5.1."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from ndisemu.drivers.protocols import Generator, Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.drivers.ring_explicit import ExplicitRingMiniport
from ndisemu.ndis import Packet, Status, v5, v6
from tests.verifier.exercises import found_in

SECOND = 1_000_000_000


class KeepsWhatComesAgain(Ring6Miniport):
    """It completes at once what it has never seen, as the array that it was, and nothing else for a long time."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        if nbls[0].miniport_reserved is not None:
            await self.ndis.delay(100 * SECOND)
        for nbl in nbls:
            nbl.miniport_reserved = "seen"
            nbl.status = Status.SUCCESS
        self.ndis.send_complete(nbls)


class SendsAgain(Station6):
    """It sends what comes back once more, from its completion."""

    def send_complete(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        first, self.again = getattr(self, "again", True), False
        if first:
            binding.send_nbls(nbls)
        else:
            super().send_complete(binding, nbls, flags)


def test_an_array_that_is_sent_again_from_its_completion_is_timed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The completion of the first send is not that of the second."""
    monkeypatch.setattr("tests.verifier.bench.Station6", SendsAgain)
    assert "send-timed-complete" in {finding.rule for finding in found_in(KeepsWhatComesAgain, "traffic")}


class SendsFirstFrames(Ring6Miniport):
    """It takes a list for a frame, and the card gets the first of each."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        status = super().initialize(parameters)
        self.split, self.sends.split = self.sends.split, self.cut  # type: ignore[method-assign]
        return status

    def cut(self, nbls: Sequence[v6.NetBufferList]) -> Any:
        """Cut lists into bursts, without the frames that the card does not get."""
        bursts = self.split(nbls)
        for burst in bursts:
            self.sends._dma.unmap(burst.leave_out(lambda frame: self.is_left_out(frame, nbls)))
        return bursts

    def is_left_out(self, frame: v6.NetBuffer, nbls: Sequence[v6.NetBufferList]) -> bool:
        """Whether the card does not get a frame of these lists."""
        return frame is not frame.nbl.buffers[0]


def test_each_frame_of_a_list_that_was_completed_has_left() -> None:
    """A list that ends with SUCCESS counts for as many frames as it has."""
    (finding,) = found_in(SendsFirstFrames, "several frames")
    assert finding.rule == "send-success-unsent"
    assert "with NDIS_STATUS_SUCCESS, and its card never sent frame 2 of 2" in finding.text


class FailsOneAndCutsTheOthers(SendsFirstFrames):
    """Of each array it sends the first list whole and says that it failed; of the others it sends the first frames."""

    def cut(self, nbls: Sequence[v6.NetBufferList]) -> Any:
        bursts = super().cut(nbls)
        nbls[0].status = Status.FAILURE
        return bursts

    def is_left_out(self, frame: v6.NetBuffer, nbls: Sequence[v6.NetBufferList]) -> bool:
        return frame.nbl is not nbls[0] and super().is_left_out(frame, nbls)


def test_what_left_of_failed_lists_makes_up_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many frames leave as lists with SUCCESS have, but not theirs."""
    monkeypatch.setattr("tests.verifier.bench.Generator", partial(Generator, frames_per_list=2))
    finding = found_in(FailsOneAndCutsTheOthers, "traffic")[0]
    assert finding.rule == "send-success-unsent"
    assert "never sent frame 2 of 2" in finding.text


class Raises(FailsOneAndCutsTheOthers):
    """It raises when it has sent a few frames of lists that it has not completed."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.tx.post(self.sends.split(nbls))
        raise ValueError("no")


def test_lists_that_ndis_has_ended_are_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a dead miniport had is NDIS's to fail."""
    monkeypatch.setattr("tests.verifier.bench.Generator", partial(Generator, frames_per_list=2))
    assert "send-success-unsent" not in {finding.rule for finding in found_in(Raises, "traffic")}


def test_a_list_of_several_frames_that_have_left_is_no_finding() -> None:
    """Nor is one that the card has sent whole."""
    assert found_in(Ring6Miniport, "several frames") == []


class KeepsPackets(RingMiniport):
    """Packets wait for a second before the card gets them, and a cancel gives back those of its id."""

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        self.held: dict[Packet, None] = {}
        return super().initialize(adapter)

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.held |= dict.fromkeys(packets)
        await self.ndis.delay(SECOND)
        left = [packet for packet in packets if packet in self.held]
        for packet in left:
            del self.held[packet]
        if left:
            await super().send_packets(left)

    def cancel_send_packets(self, cancel_id: int) -> None:
        gone = [packet for packet in self.held if self.is_meant(packet, cancel_id)]
        for packet in gone:
            del self.held[packet]
        self.ndis.send_complete(gone, Status.REQUEST_ABORTED)

    def is_meant(self, packet: Packet, cancel_id: int) -> bool:
        """Whether a cancel of this id is about this packet."""
        return packet.cancel_id == cancel_id


class CancelsEverything(KeepsPackets):
    """A cancel empties the whole queue."""

    def is_meant(self, packet: Packet, cancel_id: int) -> bool:
        return True


@pytest.mark.parametrize(
    ("driver", "rules"), [(KeepsPackets, []), (CancelsEverything, ["send-cancel-wrong-target"])], ids=["its own", "all"]
)
def test_a_cancel_of_packets_is_about_those_of_its_id(driver: type, rules: list[str]) -> None:
    """MiniportCancelSendPackets leaves what was sent under another id where it is."""
    found = found_in(driver, "cancel")
    assert [finding.rule for finding in found] == rules
    assert all("of cancel id 2 in a cancel of 1" in finding.text for finding in found)


class CompletesAtItsDoorbell(ExplicitRingMiniport):
    """What the card has been told of is complete, whether it has read it or not."""

    def send_packets(self, packets: Sequence[Packet]) -> None:
        super().send_packets(packets)
        self.ndis.send_complete(packets, Status.SUCCESS)

    def complete(self, ended: Sequence[Any]) -> None:
        pass


def test_a_card_that_reads_what_was_completed_tells_which_packet_that_was() -> None:
    """Its buffer is the protocol's again; the past of the packet says when it was completed."""
    unmapped, _ = found_in(CompletesAtItsDoorbell, "traffic")
    assert unmapped.rule == "dma-unmapped"
    assert unmapped.text.endswith(
        f"{unmapped.about} has its buffer there, and was completed before the card had read it"
    )
    assert any("NdisMSendComplete, a.eth0" in line for line in unmapped.history)
