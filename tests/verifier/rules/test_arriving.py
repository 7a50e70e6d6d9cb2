"""What is indicated, beside what has come over the wire."""

from collections.abc import Sequence

import pytest

from ndisemu.drivers.faulty.receive.lookahead import ShowsFrames
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.frame.ethernet import FCS, HEADER
from ndisemu.ndis import Packet, Status, v6
from tests.verifier.exercises import found_in


class CountsTheChecksum(Ring6Miniport):
    """Its frames are as long as on the wire."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        for nbl in nbls:
            nbl.buffers[0].resize(nbl.buffers[0].length + FCS)
        super().indicate(nbls)


class LeavesTheLength(Ring6Miniport):
    """Its frames are as long as their buffers."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        for nbl in nbls:
            nbl.buffers[0].resize(2000)
        super().indicate(nbls)


class TurnsAddresses(Ring6Miniport):
    """It puts the address that it takes for its own where the card has put another."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        for nbl in nbls:
            frame = nbl.buffers[0].read()
            nbl.buffers[0].fill(frame[:6] + bytes(6) + frame[12:])
        super().indicate(nbls)


class CountsTheHeader(ShowsFrames):
    """It tells protocols the size of the whole frame."""

    def show(self, packet: Packet) -> None:
        frame = packet.read()
        self.ndis.eth_indicate_receive(packet, frame[:HEADER], frame[HEADER : HEADER + 64], len(frame))


class CopiesTheHeaderToo(ShowsFrames):
    """It takes the offset for one into the whole frame."""

    def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> tuple[Status, int]:
        frame = context.read() if isinstance(context, Packet) else b""
        packet.put(frame[offset:][:length])
        return Status.SUCCESS, length


@pytest.mark.parametrize(
    ("driver", "says"),
    [
        (CountsTheChecksum, "with a frame and its 4 bytes of checksum; the card's length counts those"),
        (LeavesTheLength, "bytes behind it; set the length that the card's descriptor tells"),
        (CountsTheHeader, "and it has 60; PacketSize does not count the header"),
        (CopiesTheHeaderToo, "than the frame has from 0 on; ByteOffset counts from behind the header"),
        (TurnsAddresses, "with a frame that has not come like this; leave the bytes as the card has written them"),
    ],
)
def test_a_frame_that_has_not_come_like_this_is_told_apart(driver: type, says: str) -> None:
    """By the way in which it differs from one that has."""
    found = [finding for finding in found_in(driver, "traffic") if finding.rule == "rx-content-exact"]
    assert says in found[0].text
    assert {finding.driver.rpartition(":")[2] for finding in found} == {driver.__name__}


class SaysZero(Ring6Miniport):
    """It writes the number of NDIS_STATUS_SUCCESS into what it indicates, and not the status."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        for nbl in nbls:
            nbl.status = 0  # type: ignore[assignment]
        super().indicate(nbls)


def test_a_number_is_no_status() -> None:
    """Also where it compares as equal to one."""
    found = [finding for finding in found_in(SaysZero, "traffic") if finding.rule == "rx-nbl-initialised"]
    assert "whose status is 0; what has been received has SUCCESS" in found[0].text


@pytest.mark.parametrize("driver", [RingMiniport, Ring6Miniport, LegacyMiniport, ShowsFrames])
def test_what_comes_goes_up(driver: type) -> None:
    """Each way of indicating."""
    assert found_in(driver, "life") == []
