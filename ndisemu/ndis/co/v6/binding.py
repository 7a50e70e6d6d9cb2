"""A binding of a connection-oriented NDIS 6 protocol: the lists that its circuits carry, while it is Running.

Source: NDIS reference 3.4 and 6.4.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, ClassVar, Final

from ndisemu.errors import RuleViolation
from ndisemu.ndis.co.circuitbinding import CircuitBinding
from ndisemu.ndis.co.ends import VcEnd
from ndisemu.ndis.co.request import CoRequest
from ndisemu.ndis.co.v6.protocol import Protocol
from ndisemu.ndis.co.v6.receives import VcListReceives
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.pnp import NetPnPEvent
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.flags import ReceiveFlag
from ndisemu.ndis.v6.nblbinding import NblBinding

if TYPE_CHECKING:
    from ndisemu.ndis.co.v6.adapter import CoNblAdapter

_RESOURCES: Final = int(ReceiveFlag.RESOURCES)
_OWNER: Final = attrgetter("owner")


class CoBinding(CircuitBinding[NetBufferList, int], NblBinding):
    """One protocol's open of one adapter."""

    carries_lists: ClassVar[bool] = True

    protocol: Protocol

    def __init__(self, protocol: Protocol, adapter: "CoNblAdapter") -> None:
        super().__init__(adapter, protocol.name)
        self.take_role(protocol)

    # What a protocol calls.

    @ddi("NdisCoOidRequest", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.4, 6.4")
    def co_request(self, request: CoRequest, vc: VcEnd | None = None) -> Status:
        """Query or set in the miniport, of one circuit or the adapter; PENDING: `co_request_complete` follows."""
        return super().co_request(request, vc)

    @ddi("NdisReturnNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.4")
    def return_nbls(self, nbls: Sequence[NetBufferList], flags: int = 0) -> None:
        """Give back lists that `co_receive_nbls` was given, each once, whichever circuit they came on."""
        self.adapter.running_cpu("NdisReturnNetBufferLists").preempt()
        for owner, run in groupby(nbls, key=_OWNER):
            mine = list(run)
            if not isinstance(owner, VcListReceives):
                raise RuleViolation(
                    "rx-return-once",
                    f"{self.name} returned {mine[0]!r}, which is owned by {owner}; return what was received, once",
                )
            owner.release(mine, flags)
        self.look_whether_quiet()

    # What the adapter tells it.

    def unbind(self) -> object:
        """End the binding: ProtocolUnbindAdapterEx."""
        return self.protocol.unbind_adapter(self)

    def net_event(self, event: NetPnPEvent) -> object:
        """Tell the protocol a plug and play event: ProtocolNetPnPEvent."""
        return self.protocol.net_pnp_event(self, event)

    def refuse(self, status: Status | None) -> None:
        """End with `status` what is sent on its circuits from now on; with None it reaches the miniport."""
        super().refuse(status)
        self.look_at_circuits()

    def circuit_sent(self, end: VcEnd, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Give lists back to the protocol: ProtocolCoSendNetBufferListsComplete, at DISPATCH_LEVEL."""
        self.sends_pending -= len(nbls)
        self.tell(
            "ProtocolCoSendNetBufferListsComplete",
            "NdisMCoSendNetBufferListsComplete",
            lambda: self.protocol.co_send_complete(end, nbls, flags),
        )
        self.look_whether_quiet()

    def circuit_received(self, end: VcEnd, nbls: Sequence[NetBufferList], flags: int) -> object:
        """Give lists to the protocol, or show them: ProtocolCoReceiveNetBufferLists, at DISPATCH_LEVEL."""
        if self.is_open:
            self.tell(
                "ProtocolCoReceiveNetBufferLists",
                "NdisMCoIndicateReceiveNetBufferLists",
                lambda: self.protocol.co_receive_nbls(self, end, nbls, flags),
            )
        if not flags & _RESOURCES and (self.failed or not self.is_open):
            # Nobody else could give back what it has not.
            self.return_nbls([nbl for nbl in nbls if nbl.owner is end.vc.receives])
        return None
