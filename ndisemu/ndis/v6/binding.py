"""A binding of an NDIS 6 protocol: lists go down, completions and received lists come up.

Its methods are the NDIS calls of an NDIS 6 protocol; what comes back goes to
the protocol's entry points, at the IRQL of the call that led there. Data
flows while it is Running; whoever changes what is bound to an adapter pauses
all its bindings before, and restarts them afterwards.

Source: NDIS reference 2.2, 3.4, 5.1.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.kernel import DRIVER_ERRORS, Event, Timer, run_passive
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.data.nbl import NblPool, NetBuffer, NetBufferList
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.pnp import NetEvent, NetPnPEvent
from ndisemu.ndis.states import Machine
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.edges import NblLower
from ndisemu.ndis.v6.flags import ReceiveFlag
from ndisemu.ndis.v6.states import BINDING_TRANSITIONS, BindingState, FlowEvent

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.v6.protocol import Protocol

_SOURCE = "NDIS reference 3.4"
_RESOURCES: Final = int(ReceiveFlag.RESOURCES)
_OPEN: Final = (BindingState.PAUSED, BindingState.RESTARTING, BindingState.RUNNING, BindingState.PAUSING)


class Binding(BaseBinding):
    """One NDIS 6 protocol's open of one adapter (`edges.NblUpper`); `refuses` is what its sends end with, if any."""

    __slots__ = ("_drained", "_lower", "_nbl_pools", "_refuses", "protocol")

    def __init__(self, protocol: "Protocol", adapter: "Adapter") -> None:
        name = f"{protocol.name} on {adapter.name}"
        super().__init__(adapter, name, Machine(name, BindingState.OPENING, BINDING_TRANSITIONS))
        self.protocol: Protocol = protocol
        self._nbl_pools: list[NblPool] = []
        self._refuses: Status | None = Status.PAUSED
        self._drained: Event | None = None

    def connect(self, lower: NblLower) -> None:
        """Send to, and return lists to, `lower`."""
        self._lower = lower

    @property
    def is_open(self) -> bool:
        """Whether it has been opened and its close has not begun."""
        return self.state.current in _OPEN

    # What a protocol calls.

    @ddi("NdisSendNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def send_nbls(self, nbls: Sequence[NetBufferList], port: int = 0, flags: int = 0) -> None:
        """Send lists in their order; every list comes back through `send_complete`."""
        self.adapter.running_cpu("NdisSendNetBufferLists").preempt()
        if not nbls:
            return
        if self._refuses is None:
            self._lower.submit(self, nbls, port, flags)
        else:
            self._lower.refuse(self, nbls, self._refuses)

    @ddi("NdisCancelSendNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def cancel_send(self, cancel_id: int) -> None:
        """Ask for the lists of this id back that are still queued; they come back through `send_complete`."""
        self.adapter.running_cpu("NdisCancelSendNetBufferLists").preempt()
        self._lower.cancel(self, cancel_id)

    @ddi("NdisReturnNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def return_nbls(self, nbls: Sequence[NetBufferList], flags: int = 0) -> None:
        """Give back lists that `receive_nbls` was given, each once."""
        self.adapter.running_cpu("NdisReturnNetBufferLists").preempt()
        self._lower.release(self, nbls, flags)
        if self._drained is not None or self.closing:
            self.look_whether_quiet()

    @ddi("NdisOidRequest", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def request(self, request: OidRequest) -> Status:
        """Query or set; PENDING means that `request_complete` follows."""
        return super().request(request)

    @ddi("NdisCancelOidRequest", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def cancel_request(self, request_id: int) -> None:
        """Ask for the end of the pending request of this id; it ends with REQUEST_ABORTED, or as it would have."""
        self.adapter.running_cpu("NdisCancelOidRequest").preempt()
        request = self.adapter.requests.find(self, request_id) if request_id else None
        if request is not None:
            self.adapter.cancel_request(request)

    @ddi("NdisGetCurrentSystemTime", irql="any", kind=Kind.CALL, source=_SOURCE)
    def system_time(self) -> int:
        """Return the virtual time in ns, as the running CPU sees it."""
        return super().system_time()

    @ddi("NdisAllocateTimerObject", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def initialize_timer(self, routine: Callable[[], None]) -> Timer:
        """Make a timer object whose `routine` runs at DISPATCH_LEVEL; what it raises is the protocol's failure."""
        return super().initialize_timer(routine)

    @ddi("NdisAllocateNetBufferListPool", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.3")
    def allocate_nbls(self, count: int, size: int) -> list[NetBufferList]:
        """Make `count` lists of this binding's, each with one frame of `size` bytes, for as long as it is open."""
        library = self.adapter.library
        pool = library.make_nbl_pool("send lists", self.name, count)
        self._nbl_pools.append(pool)
        mdls = library.make_buffer_pool("send buffers", self.name, count, size)
        self._buffer_pools.append(mdls)
        nbls = []
        for nbl, mdl in zip(pool, mdls, strict=True):
            pool.allocate(self)
            mdls.allocate(self)
            nbl.buffers = (NetBuffer(nbl, [mdl], 0, size),)
            nbls.append(nbl)
        return nbls

    @ddi("NdisCompleteNetPnPEvent", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def complete_net_pnp_event(self, event: NetPnPEvent, status: Status) -> None:
        """Complete an event that `net_pnp_event` has answered with PENDING."""
        event.complete(status)

    @ddi("NdisCloseAdapterEx", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    async def close(self) -> None:
        """Close the adapter, after NetEventPause: waits for requests that are pending."""
        await super().close()

    async def drain(self) -> Status:
        """Wait until every list is back, sent and received, at PASSIVE_LEVEL; past all patience, stop the adapter."""
        if not self._is_drained():
            self._drained = Event(self.adapter.kernel, f"{self.name} drained")
            if not (await self._wait_for(self._drained) and self._is_drained()):
                self.adapter.stuck(self)
                if not self._is_drained():
                    # The stopped adapter gives everything back in a moment.
                    await self._drained.wait(self.adapter.hang.patience)
            self._drained = None
        return Status.SUCCESS

    # What the adapter tells it (`edges.NblUpper`).

    def sends_completed(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Give lists back to the protocol: ProtocolSendNetBufferListsComplete, IRQL <= DISPATCH."""
        self.sends_pending -= len(nbls)
        try:
            if not self.failed:
                self.protocol.send_complete(self, nbls, flags)
        except DRIVER_ERRORS as error:
            self.fail("ProtocolSendNetBufferListsComplete", error)
        if self._drained is not None or self.closing:
            self.look_whether_quiet()

    def received(self, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Give lists to the protocol, or show them: ProtocolReceiveNetBufferLists, IRQL <= DISPATCH."""
        try:
            if not self.failed and self.is_open:
                self.protocol.receive_nbls(self, nbls, port, flags)
                return
        except DRIVER_ERRORS as error:
            self.fail("ProtocolReceiveNetBufferLists", error)
        if not flags & _RESOURCES:
            # Nobody else could give back what it has not.
            self.return_nbls([nbl for nbl in nbls if nbl.owner is self.adapter.receives and nbl.binding is self])

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

    async def pause(self) -> None:
        """NetEventPause: no more sends, and the protocol waits for those that are out; at PASSIVE_LEVEL."""
        if self.state.current is not BindingState.RUNNING:
            return
        self.state.apply(FlowEvent.PAUSE)
        self._refuses = Status.PAUSED
        await self._tell_event(NetEvent.PAUSE)
        if not self._is_drained():
            if not self.failed:
                self.adapter.report(
                    "proto-pause",
                    f"{self.name} completed NetEventPause with {self.sends_pending} sends pending and "
                    f"{self.receives_held} received lists not returned; it completes when all are back",
                )
            await run_passive(self.drain, self.adapter.cpu)
        self.state.apply(FlowEvent.PAUSED)

    async def restart(self) -> None:
        """NetEventRestart: the protocol may send from its end on; at PASSIVE_LEVEL."""
        if self.state.current is not BindingState.PAUSED:
            return
        self.state.apply(FlowEvent.RESTART)
        # It may send before its entry point has returned.
        self._refuses = None
        status = await self._tell_event(NetEvent.RESTART)
        if status is Status.SUCCESS:
            self.state.apply(FlowEvent.RESTARTED)
        else:
            self._refuses = Status.PAUSED
            self.state.apply(FlowEvent.RESTART_FAILED)

    def net_event(self, event: NetPnPEvent) -> object:
        """Tell the protocol a plug and play event: ProtocolNetPnPEvent."""
        return self.protocol.net_pnp_event(self, event)

    def unbind(self) -> object:
        """End the binding: ProtocolUnbindAdapterEx."""
        return self.protocol.unbind_adapter(self)

    def refuse_sends(self) -> None:
        """Complete what is sent from now on with CLOSING."""
        self._refuses = Status.CLOSING

    def free_pools(self) -> None:
        """Free the lists."""
        for pool in self._nbl_pools:
            for nbl in pool:
                if nbl.owner is self:
                    pool.free(nbl, self)
            self.adapter.library.nbl_pools.remove(pool)

    def look_whether_quiet(self) -> None:
        """Let a close or a pause go on if nothing that it waits for is outstanding any more."""
        super().look_whether_quiet()
        if self._drained is not None and self._is_drained():
            self._drained.set()

    def _is_drained(self) -> bool:
        return not (self.sends_pending or self.receives_held)

    async def _tell_event(self, code: NetEvent) -> Status:
        """Tell the protocol, and wait for the end it may have left pending; it cannot refuse."""
        if self.failed:
            return Status.FAILURE
        status = await NetPnPEvent(code).tell(self)
        if status is not Status.SUCCESS and not self.failed:
            self.adapter.report(
                "proto-netpnp-status", f"{self.name} answered NetEvent{code.name.title()} with {status}"
            )
        return status
