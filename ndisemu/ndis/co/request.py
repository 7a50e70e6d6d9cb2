"""Requests of connection-oriented NDIS: about the adapter, a circuit, or between client and call manager.

Without an address family a request goes to the miniport, in its turn with
all others (`requests`); with one it goes to the protocol on the other side,
at once.

Source: NDIS reference 6.4.
"""

from typing import TYPE_CHECKING, Final

from ndisemu.ndis.co.exchange import Exchange
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.operation import Naming

if TYPE_CHECKING:
    from ndisemu.ndis.co.vc import VirtualCircuit

ASK: Final = Naming("ProtocolCoRequest", "NdisCoRequestComplete", "co-oid-complete")


class CoRequest(OidRequest):
    """`NDIS_REQUEST` for NdisCoRequest; `vc` is the circuit it is about, or None for the whole adapter."""

    __slots__ = ("exchange", "vc")

    def __init__(self, oid: Oid, *, is_set: bool, data: bytes, length: int) -> None:
        super().__init__(oid, is_set=is_set, data=data, length=length)
        self.vc: VirtualCircuit | None = None
        self.exchange: Exchange | None = None
