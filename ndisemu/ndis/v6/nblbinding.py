"""A binding whose protocol speaks lists: what all NDIS 6 protocols share, connection-oriented ones too.

Data flows while it is Running; whoever changes what is bound to an adapter
pauses all its bindings before, and restarts them afterwards.

Source: NDIS reference 2.2, 3.4, 5.1.
"""

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Final

from ndisemu.kernel import Event, Timer, run_passive
from ndisemu.ndis.binding import BaseBinding, binding_name
from ndisemu.ndis.data.nbl import NblPool, NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.pnp import NetEvent, NetPnPEvent
from ndisemu.ndis.states import Machine
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.states import BINDING_TRANSITIONS, BindingState, FlowEvent

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

_SOURCE = "NDIS reference 3.4"
_OPEN: Final = (BindingState.PAUSED, BindingState.RESTARTING, BindingState.RUNNING, BindingState.PAUSING)


class NblBinding(BaseBinding):
    """A binding that allocates lists, and is paused and restarted; `refuses` is what its sends end with, if any."""

    __slots__ = ("_drained", "_frames", "_nbl_pools", "refuses")

    def __init__(self, adapter: "Adapter", protocol_name: str) -> None:
        name = binding_name(protocol_name, adapter)
        super().__init__(adapter, name, Machine(name, BindingState.OPENING, BINDING_TRANSITIONS))
        self._nbl_pools: list[NblPool] = []
        # Whatever lists the protocol has put them into.
        self._frames: list[NetBuffer] = []
        self.refuses: Status | None = Status.PAUSED
        self._drained: Event | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has been opened and its close has not begun."""
        return self.state.current in _OPEN

    # What a protocol calls.

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

    @ddi("NdisAllocateTimerObject", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def initialize_timer(self, routine: Callable[[], None], cpu: int | None = None) -> Timer:
        """Make a timer object whose `routine` runs at DISPATCH_LEVEL; what it raises is the protocol's failure."""
        return super().initialize_timer(routine, cpu)

    @ddi("NdisAllocateNetBufferListPool", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.3")
    def allocate_nbls(self, count: int, size: int, frames: int = 1) -> list[NetBufferList]:
        """Make `count` lists of this binding's, each with `frames` frames of `size` bytes, for as long as it is open."""
        library = self.adapter.library
        pool = library.make_nbl_pool("send lists", self.name, count)
        self._nbl_pools.append(pool)
        mdls = library.make_buffer_pool("send buffers", self.name, count * frames, size)
        self._buffer_pools.append(mdls)
        rest = iter(mdls)
        nbls = []
        for nbl in pool:
            pool.allocate(self)
            chain = []
            for mdl in islice(rest, frames):
                mdls.allocate(self)
                chain.append(NetBuffer(nbl, [mdl], 0, size))
            nbl.buffers = chain
            self._frames += chain
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

    # What NDIS does with it.

    def refuse(self, status: Status | None) -> None:
        """End with `status` what is sent from now on; with None it reaches the miniport."""
        self.refuses = status

    async def pause(self) -> None:
        """NetEventPause: no more sends, and the protocol waits for those that are out; at PASSIVE_LEVEL."""
        if self.state.current is not BindingState.RUNNING:
            return
        self.state.apply(FlowEvent.PAUSE)
        self.refuse(Status.PAUSED)
        await self._tell_event(NetEvent.PAUSE)
        if not self._is_drained():
            if not self.failed:
                self.adapter.report(
                    "proto-pause",
                    f"{self.name} completed NetEventPause with {self.sends_pending} sends pending and "
                    f"{self.receives_held} received lists not returned; it completes when all are back",
                    by=self.name,
                )
            await run_passive(self.drain, self.adapter.cpu)
        self.state.apply(FlowEvent.PAUSED)

    async def restart(self) -> None:
        """NetEventRestart: the protocol may send from its end on; at PASSIVE_LEVEL."""
        if self.state.current is not BindingState.PAUSED:
            return
        self.state.apply(FlowEvent.RESTART)
        # It may send before its entry point has returned.
        self.refuse(None)
        status = await self._tell_event(NetEvent.RESTART)
        if status is Status.SUCCESS:
            self.state.apply(FlowEvent.RESTARTED)
        else:
            self.refuse(Status.PAUSED)
            self.state.apply(FlowEvent.RESTART_FAILED)

    def refuse_sends(self) -> None:
        """Complete what is sent from now on with CLOSING."""
        self.refuse(Status.CLOSING)

    def free_pools(self) -> None:
        """Free the lists and their frames."""
        # Also those that are in no list any more.
        for frame in self._frames:
            frame.leave()
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
        return await NetPnPEvent(code).tell(self, may_fail=False)
