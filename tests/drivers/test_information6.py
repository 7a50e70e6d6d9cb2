"""The OIDs that NDIS 6 adds, on a real card: what it counts, how often it interrupts, what its link can be."""

from struct import pack, unpack
from typing import Final

import pytest

from ndisemu.hw import registers as reg
from ndisemu.ndis import Oid, OidRequest, Status
from tests.drivers.conftest import frame
from tests.drivers.wire6 import Wire6, on_wire6

GROUP: Final = b"\x01\x00\x5e\x00\x00\x01"
ALL: Final = b"\xff" * 6
UNKNOWN: Final = 0xFFFF_FFFF_FFFF_FFFF
GIGABIT: Final = 1_000_000_000
HEADER: Final = b"\x80\x01"


async def statistics(wire: Wire6, end: int) -> list[int]:
    """Query OID_GEN_STATISTICS of a (0) or b (1)."""
    request = OidRequest.query(Oid.GEN_STATISTICS, 256)
    slot = (wire.a, wire.b)[end]
    assert await slot.adapter.request(request) is Status.SUCCESS
    kind, revision, size, valid, *counters = unpack("<BBHI18Q", request.answered)
    assert (kind, revision, size, valid) == (0x80, 1, 152, 0x7FF)
    return counters


@on_wire6()
async def test_statistics_are_those_of_the_card(wire: Wire6) -> None:
    """Frames by kind and octets with FCS, in both directions; the sums go on, although the card clears what is read."""
    kinds = (frame(1), frame(2, to=GROUP), frame(3, to=ALL), frame(4, to=ALL))
    for times in (1, 2):
        await wire.send(*kinds)
        await wire.emu.idle()
        counted = [4 * 64 * times, times, times, 2 * times]
        sent, received = await statistics(wire, 0), await statistics(wire, 1)
        assert sent == [0] * 6 + counted + [0] * 8
        assert received == [0, 0, *counted] + [0] * 12


async def change(wire: Wire6, oid: Oid, data: bytes) -> Status:
    """Set an OID of a's adapter."""
    return await wire.a.adapter.request(OidRequest.set(oid, data))


@pytest.mark.parametrize(("itr", "enabled"), [(0, 20_000), (50_000, 50_000)])
def test_moderation_is_switched_off_and_on(itr: int, enabled: int) -> None:
    """What the adapter was configured with, or 20 microseconds; a reset keeps it."""

    @on_wire6(a={"itr": itr})
    async def check(wire: Wire6) -> None:
        for wanted, expected in ((3, 0), (2, enabled)):
            data = pack("<2sHII", HEADER, 12, 0, wanted)
            assert await change(wire, Oid.GEN_INTERRUPT_MODERATION, data) is Status.SUCCESS
            assert wire.a.nic.mmio_read(reg.ITR) == expected // reg.ITR_UNIT
            request = OidRequest.query(Oid.GEN_INTERRUPT_MODERATION, 12)
            assert await wire.a.adapter.request(request) is Status.SUCCESS
            assert request.answered == data
        assert await wire.a.adapter.reset() is Status.SUCCESS
        assert wire.a.nic.mmio_read(reg.ITR) == enabled // reg.ITR_UNIT

    check()


@pytest.mark.parametrize(
    ("oid", "data", "status"),
    [
        (Oid.GEN_INTERRUPT_MODERATION, b"", Status.INVALID_LENGTH),
        (Oid.GEN_INTERRUPT_MODERATION, pack("<2sHII", HEADER, 12, 0, 9), Status.INVALID_DATA),
        (Oid.GEN_LINK_PARAMETERS, b"", Status.INVALID_LENGTH),
        (Oid.GEN_LINK_PARAMETERS, pack("<2sHIQQII", HEADER, 32, 2, GIGABIT, GIGABIT, 0, 0), Status.SUCCESS),
        (Oid.GEN_LINK_PARAMETERS, pack("<2sHIQQII", HEADER, 32, 0, UNKNOWN, UNKNOWN, 4, 7), Status.SUCCESS),
        (Oid.GEN_LINK_PARAMETERS, pack("<2sHIQQII", HEADER, 32, 1, GIGABIT, GIGABIT, 0, 0), Status.NOT_SUPPORTED),
        (Oid.GEN_LINK_PARAMETERS, pack("<2sHIQQII", HEADER, 32, 2, 10**8, GIGABIT, 0, 0), Status.NOT_SUPPORTED),
    ],
)
@on_wire6()
async def test_what_the_card_cannot_do_is_refused(wire: Wire6, oid: Oid, data: bytes, status: Status) -> None:
    """Its link has one speed and both directions; a structure of another length is none."""
    assert await change(wire, oid, data) is status
