"""An NDIS 6 adapter: initialize, restart, pause, halt, and the paths of NET_BUFFER_LISTs.

Whatever changes above an adapter is done while its stack is paused: from the
top down, first every binding (NetEventPause), then the miniport
(MiniportPause); afterwards from the bottom up. One such change at a time.

Not here: several ports, filter drivers; and what it can be told to do
besides, which is next door, in `control`.

Source: NDIS reference 5.1.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from ndisemu.frame.ethernet import HEADER
from ndisemu.kernel import DRIVER_ERRORS, PASSIVE, Signal, Timer, run_in_time, run_passive
from ndisemu.ndis.allocation import Allocation
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.constants import MacOption, MediaConnectState
from ndisemu.ndis.data.link import LinkState
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.device import Device
from ndisemu.ndis.operation import Naming, Operation
from ndisemu.ndis.states import Machine
from ndisemu.ndis.status import Status, is_failure
from ndisemu.ndis.translate import PacketsOverLists
from ndisemu.ndis.v5.binding import Binding as PacketBinding
from ndisemu.ndis.v6.attributes import Answers, RegistrationAttributes
from ndisemu.ndis.v6.binding import Binding
from ndisemu.ndis.v6.control import NblControl
from ndisemu.ndis.v6.dma import DmaChannel
from ndisemu.ndis.v6.edges import NblUpper
from ndisemu.ndis.v6.flags import HaltAction
from ndisemu.ndis.v6.library import MiniportLibrary
from ndisemu.ndis.v6.miniport import InitParameters, Miniport
from ndisemu.ndis.v6.receive import NblReceives
from ndisemu.ndis.v6.send import NblSends
from ndisemu.ndis.v6.states import ADAPTER_TRANSITIONS, AdapterEvent, AdapterState
from ndisemu.units import format_time

if TYPE_CHECKING:
    from ndisemu.ndis.library import NdisLibrary

# How long a pause or a restart may take before the adapter is stopped.
PATIENCE: Final = 10_000_000_000
SECOND: Final = 1_000_000_000
PAUSE: Final = Naming(
    "MiniportPause", "NdisMPauseComplete", "st-pause-complete-pairing", (Status.SUCCESS,), "st-pause-status"
)
RESTART: Final = Naming(
    "MiniportRestart", "NdisMRestartComplete", "st-restart-complete-pairing", status_rule="st-restart-status"
)


class NblAdapter(NblControl):
    """An adapter whose miniport speaks NET_BUFFER_LISTs.

    `uppers` are who sends and receives here: bindings of NDIS 6 protocols, and
    translators of others. `registration` and `answers` are None until the
    miniport has set its attributes, `dma` until it has registered for DMA.
    """

    receives: NblReceives
    generation: ClassVar[str] = "NDIS 6"
    halt_entry: ClassVar[str] = "MiniportHaltEx"

    def __init__(self, library: "NdisLibrary", miniport: Miniport, device: Device) -> None:
        super().__init__(library, miniport, device, Machine(device.name, AdapterState.HALTED, ADAPTER_TRANSITIONS))
        self.miniport = miniport
        miniport.ndis = MiniportLibrary(self)
        self.registration: RegistrationAttributes | None = None
        self.answers: Answers | None = None
        self.dma: DmaChannel | None = None
        self.mac_options = MacOption(0)
        self.may_indicate = False
        self.uppers: list[NblUpper] = []
        self._translators: dict[BaseBinding, PacketsOverLists] = {}
        self.sends = NblSends(self)
        device.dma.ended_at = self.sends.ended_at
        self.receives = NblReceives(self, self, self.cpu.costs)
        # A binding sends straight into the path (`edges.NblLower`).
        self.submit = self.sends.submit
        self.refuse = self.sends.refuse
        self.release = self.receives.release
        self._outcome = Signal()
        self.pausing = Operation(self, PAUSE, self._tell_outcome)
        self.restarting = Operation(self, RESTART, self._tell_outcome)
        self._deadline = Timer(self.cpu, self._request_expired, name=f"{self.name} OID timeout")
        self._timed: OidRequest | None = None
        self.undelivered: OidRequest | None = None
        # Plug and play changes one thing at a time.
        self._changes = asyncio.Lock()

    @property
    def running(self) -> bool:
        """Whether MiniportInitializeEx has succeeded and MiniportHaltEx has not been called."""
        return self.state.current in _STARTED

    @property
    def startable(self) -> bool:
        """Whether it has not been started, or has been halted."""
        return self.state.current is AdapterState.HALTED

    def look(self) -> None:
        """Sends reach the miniport in Running only, requests whenever it has started; neither, when NDIS answers for it."""
        state = self.state.current
        self.alive = state in _ALIVE
        self.may_indicate = state in _INDICATING
        refusal = self.refusal if state in _STARTED else Status.ADAPTER_NOT_READY
        self.refuses_requests = self.refuses_sends = refusal
        if refusal is None and state is not AdapterState.RUNNING:
            self.refuses_sends = Status.PAUSED

    def describe(self, answers: Answers) -> None:
        """Take the miniport's general attributes."""
        attributes = answers.attributes
        self.answers = answers
        self.station_address = attributes.current_address
        self.maximum_total_size = attributes.mtu + HEADER
        self.mac_options = attributes.mac_options
        self.link_up = attributes.connect_state is MediaConnectState.CONNECTED

    def follow_link(self, link: LinkState) -> None:
        """The miniport has said what its link is now, which NDIS answers from here on."""
        super().follow_link(link)
        if self.answers is not None:
            self.answers.follow(link)

    # Life.

    async def initialize(self) -> bool:
        """Run MiniportInitializeEx, at PASSIVE_LEVEL; returns whether the adapter is there now, and paused."""
        self.begin_again()
        self.move(AdapterEvent.INITIALIZE)
        status: object = Status.FAILURE
        number = list(self.library.adapters).index(self.name) + 1
        parameters = InitParameters(self.name, number, self.device.parameters)
        try:
            status = await run_in_time(lambda: self.miniport.initialize(parameters), self.cpu, "st-entry-returns")
        except DRIVER_ERRORS as error:
            self.bug_check("MiniportInitializeEx", error)
        if not self.alive:
            return False
        if status is not Status.SUCCESS:
            self.report("st-init-status", f"MiniportInitializeEx returned {status}; the adapter does not start")
        elif self.answers is None:
            self.report(
                "st-attributes-complete", "MiniportInitializeEx returned SUCCESS without setting general attributes"
            )
        else:
            self.move(AdapterEvent.INITIALIZED)
            self.hang.start()
            return True
        # What returns no status at all takes itself for started.
        self._clean_up("MiniportInitializeEx" if is_failure(status) else "")
        self.move(AdapterEvent.INITIALIZE_FAILED)
        return False

    async def restart(self) -> None:
        """Let data flow, from the bottom up: MiniportRestart, then NetEventRestart of every binding."""
        async with self._changes:
            if self.removed or self.power.asleep:
                return
            if self.state.current is AdapterState.PAUSED:
                self.move(AdapterEvent.RESTART)
                status = await self._carry_out(self.restarting, self.miniport.restart)
                if not self.alive:
                    return
                if status is not Status.SUCCESS:
                    self.report("st-restart-failed", f"MiniportRestart ended with {status}; the adapter stays paused")
                    self.move(AdapterEvent.RESTART_FAILED)
                    return
                self.move(AdapterEvent.RESTARTED)
            if self.state.current is AdapterState.RUNNING:
                for binding in tuple(self.bindings):
                    await binding.restart()

    async def pause(self) -> None:
        """Let no data flow, from the top down: NetEventPause of every binding, then MiniportPause."""
        async with self._changes:
            await self._pause()

    async def halt(self, action: HaltAction = HaltAction.DEVICE_DISABLED) -> None:
        """Pause, unbind every protocol, run MiniportHaltEx, at PASSIVE_LEVEL; a failed adapter is only cleaned up."""
        async with self._changes:
            await self._pause()
            for bound in tuple(reversed(self.bindings)):
                await self.library.unbind(bound)
            await self.resetting.over()
            if self.running:
                self.hang.stop()
                self.move(AdapterEvent.HALT)
                reason = HaltAction.DEVICE_SURPRISE_REMOVED if self.removed else action
                try:
                    await run_in_time(lambda: self.miniport.halt(reason), self.cpu, "st-watchdog-halt")
                except DRIVER_ERRORS as error:
                    self.bug_check("MiniportHaltEx", error)
                else:
                    self.close_fibers()
                    self.move(AdapterEvent.HALTED)
            self._clean_up("MiniportHaltEx" if self.startable else "")

    async def _pause(self) -> None:
        for binding in tuple(reversed(self.bindings)):
            await binding.pause()
        if self.state.current is not AdapterState.RUNNING:
            return
        self.move(AdapterEvent.PAUSE)
        await self._carry_out(self.pausing, self.miniport.pause)
        if self.alive:
            self._check_paused()
            self.move(AdapterEvent.PAUSED)

    async def _carry_out(self, operation: Operation, routine: Callable[[], object]) -> Status:
        """Call an entry point that may pend at PASSIVE_LEVEL, and wait for its end; past all patience, stop the adapter."""

        def give_up() -> None:
            if operation.owed and self.alive:
                out = f"{self.sends.in_flight} lists to send and {self.receives.lent} received ones are out"
                text = f"{operation!r} was not completed within {format_time(PATIENCE)}; {out}"
                self.stop("st-pause-timeout", text)

        async def enter_and_wait() -> object:
            operation.enter(routine)
            return await self._outcome

        self._outcome = Signal()
        patience = self.kernel.alarm(give_up)
        patience.set(self.kernel.local_time() + PATIENCE)
        # Time may also never pass, if the driver never lets it.
        before, self.kernel.stalled = self.kernel.stalled, give_up
        try:
            status = await run_passive(enter_and_wait, self.cpu)
        finally:
            self.kernel.stalled = before
            patience.cancel()
        return status if isinstance(status, Status) else Status.FAILURE

    def _tell_outcome(self, status: Status) -> None:
        self._outcome.set(status)

    def _check_paused(self) -> None:
        """Nothing may be out when a pause completes (5.1)."""
        if self.sends.in_flight:
            self.report(
                "st-pause-sends-drained", f"MiniportPause completed with {self.sends.in_flight} sends not completed"
            )
        if self.receives.lent:
            self.report(
                "st-pause-receives-returned", f"MiniportPause completed with {self.receives.lent} lists not returned"
            )

    # Bindings.

    def join(self, binding: BaseBinding) -> None:
        """Put a binding on top of this adapter."""
        if isinstance(binding, Binding):
            binding.connect(self)
            self.uppers.append(binding)
        elif isinstance(binding, PacketBinding):
            translator = self._translators[binding] = PacketsOverLists(binding, self)
            binding.connect(translator)
            self.uppers.append(translator)
        self.bindings.append(binding)

    def leave(self, binding: BaseBinding) -> None:
        """Take a binding off this adapter."""
        self.bindings.remove(binding)
        if isinstance(binding, Binding):
            self.uppers.remove(binding)
            self.receives.forget(binding)
        elif translator := self._translators.pop(binding, None):
            self.uppers.remove(translator)
            self.receives.forget(translator)
            translator.close()

    # Data and requests (`edges.NblLower`).

    def cancel(self, upper: NblUpper, cancel_id: int) -> None:
        """Call MiniportCancelSend."""
        if self.alive:
            self.call("MiniportCancelSend", lambda: self.miniport.cancel_send(cancel_id))

    def return_lists(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Hand lists back to the miniport: MiniportReturnNetBufferLists, IRQL <= DISPATCH."""
        if self.alive:
            self.call("MiniportReturnNetBufferLists", lambda: self.miniport.return_nbls(nbls, flags))

    def supplies(self, entry: str) -> bool:
        """Whether the driver's class supplies an entry point, by its Python name."""
        return getattr(type(self.miniport), entry) is not getattr(Miniport, entry)

    def allocate_complete(self, allocation: Allocation) -> None:
        """Tell the miniport how an allocation has ended that nobody awaits: MiniportSharedMemoryAllocateComplete."""
        miniport = self.miniport
        if not self.supplies("shared_memory_allocate_complete"):
            self.report(
                "shm-async-handler",
                f"{allocation!r} has ended, and the driver neither awaits it "
                "nor supplies MiniportSharedMemoryAllocateComplete",
            )
        elif self.alive:
            memory, context = allocation.memory, allocation.context
            self.call(
                "MiniportSharedMemoryAllocateComplete",
                lambda: miniport.shared_memory_allocate_complete(memory, context),
            )

    def answer_request(self, request: OidRequest) -> Status | None:
        """Answer from the general attributes what NDIS 6 answers from them."""
        own = None if self.answers is None else self.answers.answer(request)
        return super().answer_request(request) if own is None else own

    def enter_request(self, request: OidRequest) -> None:
        """Call MiniportOidRequest, at PASSIVE_LEVEL: at once, or as soon as the CPU gets there."""
        if request.timeout:
            self._timed = request
            self._deadline.set(request.timeout * SECOND)
        if self.running_cpu("NdisOidRequest").irql == PASSIVE:
            self._enter_request(request)
        else:
            self.undelivered = request
            self.cpu.queue_thread(partial(self._enter_request, request))

    def cancel_request(self, request: OidRequest) -> None:
        """End a request that waits; ask the miniport, with MiniportCancelOidRequest, for the end of one that it has."""
        if not self.requests.withdraw(request, Status.REQUEST_ABORTED) and self.alive:
            self.call("MiniportCancelOidRequest", lambda: self.miniport.cancel_oid_request(request.request_id))

    def _enter_request(self, request: OidRequest) -> None:
        self.undelivered = None
        # It may have been taken back, with all that the adapter had, while it waited for the CPU.
        queue = self.requests
        if queue.current is not request or not self.alive:
            return
        if self.refuses_requests is not None and not request.urgent:
            # Nor is it the miniport's any more, if a reset or a removal has come meanwhile.
            queue.complete_request(request, self.refuses_requests)
            return
        self.enter(
            partial(self.miniport.oid_request, request),
            partial(queue.returned, request),
            partial(queue.raised, request, "MiniportOidRequest"),
        )

    def _request_expired(self) -> None:
        request, self._timed = self._timed, None
        if request is not None and request is self.requests.current:
            self.cancel_request(request)

    # Failure.

    def reclaim(self, status: Status) -> None:
        """Complete what the dead miniport had."""
        self.sends.reclaim(status)
        self.pausing.abandon(Status.SUCCESS)
        self.restarting.abandon(Status.FAILURE)

    def fail(self) -> None:
        """A bug check."""
        self.move(AdapterEvent.BUG_CHECK)

    def _clean_up(self, ended: str) -> None:
        """Reclaim everything; `ended` is the entry point before whose end the driver should have given it back, if any."""
        self.device.registers.power_off()
        if ended and self.dma is not None:
            self.report("sg-deregister", f"{ended} returned without deregistering its scatter/gather DMA")
        self.resources.release(ended=ended)
        self.registration = self.answers = self.dma = None
        self._deadline.cancel()


_INDICATING: Final = (AdapterState.RESTARTING, AdapterState.RUNNING, AdapterState.PAUSING)
_STARTED: Final = (AdapterState.PAUSED, *_INDICATING)
_ALIVE: Final = (AdapterState.INITIALIZING, AdapterState.HALTING, *_STARTED)
