"""A binding of an NDIS 6 protocol: lists go down, completions and received lists come up.

Its methods are the NDIS calls of an NDIS 6 protocol; what comes back goes to
the protocol's entry points, at the IRQL of the call that led there.

Source: NDIS reference 2.2, 3.4.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.kernel import driver_errors
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.pnp import NetPnPEvent
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.edges import NblLower
from ndisemu.ndis.v6.flags import ReceiveFlag
from ndisemu.ndis.v6.nblbinding import NblBinding
from ndisemu.ndis.v6.receive import Loan

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.v6.protocol import Protocol

_SOURCE = "NDIS reference 3.4"
_RESOURCES: Final = int(ReceiveFlag.RESOURCES)


class Binding(NblBinding):
    """One NDIS 6 protocol's open of one adapter (`edges.NblUpper`)."""

    __slots__ = ("_lower", "protocol")

    def __init__(self, protocol: "Protocol", adapter: "Adapter") -> None:
        super().__init__(adapter, protocol.name)
        self.protocol: Protocol = protocol

    def connect(self, lower: NblLower) -> None:
        """Send to, and return lists to, `lower`."""
        self._lower = lower

    # What a protocol calls.

    @ddi("NdisSendNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def send_nbls(self, nbls: Sequence[NetBufferList], port: int = 0, flags: int = 0) -> None:
        """Send lists in their order; every list comes back through `send_complete`."""
        adapter = self.adapter
        (adapter.kernel.current or adapter.running_cpu("NdisSendNetBufferLists")).preempt()
        if not nbls:
            return
        if self.refuses is None:
            submit = self._lower.submit
            submit(self, nbls, port, flags)
        else:
            self._lower.refuse(self, nbls, self.refuses)

    @ddi("NdisCancelSendNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def cancel_send(self, cancel_id: int) -> None:
        """Ask for the lists of this id back that are still queued; they come back through `send_complete`."""
        self.adapter.running_cpu("NdisCancelSendNetBufferLists").preempt()
        self._lower.cancel(self, cancel_id)

    @ddi("NdisReturnNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def return_nbls(self, nbls: Sequence[NetBufferList], flags: int = 0) -> None:
        """Give back lists that `receive_nbls` was given, each once."""
        adapter = self.adapter
        (adapter.kernel.current or adapter.running_cpu("NdisReturnNetBufferLists")).preempt()
        self._lower.release(self, nbls, flags)
        if self._drained is not None or self.closing:
            self.look_whether_quiet()

    # What the adapter tells it (`edges.NblUpper`).

    def sends_completed(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Give lists back to the protocol: ProtocolSendNetBufferListsComplete, IRQL <= DISPATCH."""
        self.sends_pending -= len(nbls)
        try:
            if not self.failed:
                self.protocol.send_complete(self, nbls, flags)
        except driver_errors() as error:
            self.fail("ProtocolSendNetBufferListsComplete", error)
        if self._drained is not None or self.closing:
            self.look_whether_quiet()

    def received(self, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Give lists to the protocol, or show them: ProtocolReceiveNetBufferLists, IRQL <= DISPATCH."""
        try:
            if not self.failed and self.is_open:
                self.protocol.receive_nbls(self, nbls, port, flags)
                return
        except driver_errors() as error:
            self.fail("ProtocolReceiveNetBufferLists", error)
        if not flags & _RESOURCES:
            # Nobody else could give back what it has not.
            self.return_nbls([nbl for nbl in nbls if isinstance(nbl.owner, Loan) and nbl.owner.upper is self])

    def tell_request_complete(self, request: OidRequest, status: Status) -> None:
        """Tell the protocol the end of a request: ProtocolOidRequestComplete."""
        self.tell(
            "ProtocolOidRequestComplete",
            "NdisOidRequest",
            lambda: self.protocol.request_complete(self, request, status),
        )

    def tell_status(self, indication: StatusIndication | None) -> None:
        """Tell the protocol a status: ProtocolStatusEx; there are no series, so none has an end."""
        if indication is not None:
            told = indication.for_6()
            self.tell("ProtocolStatusEx", "NdisMIndicateStatusEx", lambda: self.protocol.status(self, told))

    # What NDIS does with it.

    def net_event(self, event: NetPnPEvent) -> object:
        """Tell the protocol a plug and play event: ProtocolNetPnPEvent."""
        return self.protocol.net_pnp_event(self, event)

    def unbind(self) -> object:
        """End the binding: ProtocolUnbindAdapterEx."""
        return self.protocol.unbind_adapter(self)
