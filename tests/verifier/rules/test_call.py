"""What a call takes, where its own prototype does not say it all."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from ndisemu.drivers.protocols import Station6
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Oid, OidRequest, Status, v6
from tests.verifier.exercises import found_in

_KNOWN: Final = Oid.GEN_CURRENT_PACKET_FILTER


def asks(request: OidRequest) -> type[Station6]:
    """Return a protocol that makes a request when it is bound."""

    class Asks(Station6):
        async def bind_adapter(self, context: v6.BindContext) -> Status:
            status = await super().bind_adapter(context)
            self.senders[0]._binding.request(request)
            return status

    return Asks


def made(oid: Any, length: Any = 4, data: Any = b"") -> OidRequest:
    """Make a query of whatever it is."""
    return OidRequest(oid, is_set=False, data=data, length=length)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (
            made(0x1_0000_0001),
            "a request with the OID 4294967297; it takes an Oid, or the number of another one, of 32 bits",
        ),
        (made(0), "a request with the OID 0;"),
        (made("a"), "a request with the OID 'a'"),
        (made(None), "a request with the OID None"),
        (made(_KNOWN, -4), "near on a.eth0 called NdisOidRequest with a request with a buffer of -4 bytes"),
        (made(_KNOWN, 4, "no"), "a request with data of str; it takes bytes"),
    ],
)
def test_what_a_request_says_is_looked_at(request_: OidRequest, text: str) -> None:
    """By the fields of its structure."""
    found = found_in(asks(request_), "traffic")
    assert [(finding.rule, text in finding.text) for finding in found] == [("call-argument", True)]


def indicates(*numbers: int) -> type[Ring6Miniport]:
    """Return a miniport that indicates with these numbers: a port, and flags."""

    class Indicates(Ring6Miniport):
        def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
            self.lent += len(nbls)
            self.ndis.indicate_receive(nbls, *numbers)

    return Indicates


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((7,), "a.eth0 called NdisMIndicateReceiveNetBufferLists with the port 7; it takes 0"),
        ((0, 0x4000), "with the flags 0x4000; it takes those of v6.ReceiveFlag, 0x2f03 together"),
    ],
)
def test_the_numbers_of_an_indication_mean_something(numbers: tuple[int, ...], text: str) -> None:
    """There is one port, and there are so many flags."""
    found = found_in(indicates(*numbers), "traffic")
    assert {finding.rule for finding in found} == {"call-argument"}
    assert text in found[0].text


@pytest.mark.parametrize(
    "oid", [0xFF010203, 0x0D010101, int(_KNOWN)], ids=["a vendor's", "without a name here", "by number"]
)
def test_any_number_of_32_bits_may_be_an_oid(oid: int) -> None:
    """Miniports may be asked for more than has a name here, and by numbers."""
    assert found_in(asks(made(oid)), "traffic") == []


def test_an_oid_by_number_is_the_member() -> None:
    """So it is the same whoever asks."""
    assert made(int(_KNOWN)).oid is _KNOWN
