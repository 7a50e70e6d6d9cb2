"""The library as an NDIS 6 miniport sees it: `self.ndis`.

One object for each adapter; its methods are the NdisXxx and NdisMXxx
routines, named in Python's case, the DDK's name beside each. What no
generation has changed is in `miniportlibrary`.

Initialization has an order: registration attributes, general attributes,
registers, DMA, shared memory, and the interrupt last, as it may come at once.
Registers may be mapped before the general attributes: a card's address is one
of these, and stands in its EEPROM.

Source: NDIS reference 1.4 and 3.3.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import PASSIVE, Delay, RwLock, Timer
from ndisemu.ndis.allocation import Allocation
from ndisemu.ndis.data.mdl import Mdl
from ndisemu.ndis.data.nbl import NblPool, NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, check_immediate, ddi
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.miniportlibrary import BaseMiniportLibrary, after_halt
from ndisemu.ndis.resources import SharedMemory
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.attributes import Answers, GeneralAttributes, RegistrationAttributes
from ndisemu.ndis.v6.dma import DmaChannel
from ndisemu.ndis.v6.interrupt import Interrupt
from ndisemu.ndis.v6.states import AdapterState

if TYPE_CHECKING:
    from ndisemu.ndis.v6.adapter import NblAdapter

_SOURCE = "NDIS reference 3.3"
_DMA = "NDIS reference 5.12"
# What an interrupt enters.
_HANDLERS: Final = {"interrupt": "MiniportInterrupt", "interrupt_dpc": "MiniportInterruptDPC"}


class MiniportLibrary(BaseMiniportLibrary):
    """The calls of one adapter's miniport."""

    _adapter: "NblAdapter"

    # Initialization.

    @ddi("NdisMSetMiniportAttributes", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 1.4")
    def set_attributes(self, attributes: RegistrationAttributes | GeneralAttributes) -> None:
        """Say what the driver is: the registration attributes, then the general ones, before it claims anything."""
        self._enter("NdisMSetMiniportAttributes")
        adapter = self._adapter
        if isinstance(attributes, RegistrationAttributes):
            adapter.registration = attributes
            adapter.hang.set_interval(attributes.check_for_hang_time)
        elif adapter.registration is None:
            raise RuleViolation(
                "st-attributes-order",
                f"{adapter.name} set its general attributes before its registration attributes, which come first",
            )
        else:
            adapter.describe(Answers(attributes))

    @ddi("NdisMRegisterInterruptEx", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.9")
    def register_interrupt(self) -> Interrupt:
        """Connect `interrupt` to the card's line, as the last thing; it may be called before this returns."""
        self._claim("NdisMRegisterInterruptEx")
        for entry, name in _HANDLERS.items():
            if not self._adapter.supplies(entry):
                raise RuleViolation(
                    "int-handlers", f"{self._adapter.name} called NdisMRegisterInterruptEx and supplies no {name}"
                )
        if self._adapter.answers is None:
            raise RuleViolation(
                "int-register-after-attributes",
                f"{self._adapter.name} called NdisMRegisterInterruptEx before its general attributes were set; "
                "the interrupt comes last",
            )
        return Interrupt(self._adapter)

    @ddi("NdisMDeregisterInterruptEx", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.9")
    def deregister_interrupt(self, interrupt: Interrupt) -> None:
        """Disconnect `interrupt`; afterwards neither it nor a DPC of it runs."""
        self._enter("NdisMDeregisterInterruptEx")
        interrupt.disconnect()

    @ddi("NdisMQueueDpc", irql="any", kind=Kind.CALL, source="NDIS reference 5.9")
    def queue_dpc(self, interrupt: Interrupt, targets: int, context: object = None) -> int:
        """Queue `interrupt_dpc` on each CPU of the mask; returns the mask of those where it did not wait already."""
        self._enter("NdisMQueueDpc")
        return interrupt.queue(targets, context)

    @ddi("NdisMSynchronizeWithInterruptEx", irql="<= DIRQL", kind=Kind.CALL, source=_SOURCE)
    def synchronize_with_interrupt(self, function: Callable[[], bool]) -> bool:
        """Run `function` at DIRQL, where the ISR cannot interrupt it."""
        self._enter("NdisMSynchronizeWithInterruptEx")
        check_immediate("MiniportSynchronizeInterrupt", function)
        return self._adapter.device.line.synchronize(function)

    # Memory and DMA.

    @ddi("NdisMRegisterScatterGatherDma", irql="== PASSIVE", kind=Kind.CALL, source=_DMA)
    def register_scatter_gather_dma(self) -> DmaChannel:
        """Get the right to map frames for the card, and to allocate memory that it shares."""
        self._claim("NdisMRegisterScatterGatherDma")
        self._adapter.dma = DmaChannel(self._adapter)
        return self._adapter.dma

    @ddi("NdisMDeregisterScatterGatherDma", irql="== PASSIVE", kind=Kind.CALL, source=_DMA)
    def deregister_scatter_gather_dma(self) -> None:
        """Give that right back."""
        self._enter("NdisMDeregisterScatterGatherDma")
        self._need_channel("NdisMDeregisterScatterGatherDma")
        self._adapter.dma = None

    @ddi("NdisMAllocateSharedMemory", irql="== PASSIVE", kind=Kind.CALL, source=_DMA)
    def allocate_shared_memory(
        self, length: int, *, cached: bool = True, alignment: int = 64, purpose: str = "shared memory"
    ) -> SharedMemory | None:
        """Allocate memory for card and driver; None when there is no room. Only from `initialize`."""
        self._claim("NdisMAllocateSharedMemory")
        self._need_channel("NdisMAllocateSharedMemory")
        adapter = self._adapter
        if adapter.state.current is not AdapterState.INITIALIZING:
            raise RuleViolation(
                "shm-alloc-init-only",
                f"{adapter.name} called NdisMAllocateSharedMemory in state {adapter.state.current.value}; "
                "it belongs into MiniportInitializeEx, and NdisMAllocateSharedMemoryAsyncEx anywhere else",
            )
        return adapter.resources.allocate_shared(length, cached=cached, alignment=alignment, purpose=purpose)

    @ddi("NdisMAllocateSharedMemoryAsyncEx", irql="<= DISPATCH", kind=Kind.CALL, source=_DMA)
    def allocate_shared_memory_async(
        self, length: int, *, alignment: int = 64, context: object = None, purpose: str = "shared memory"
    ) -> Allocation:
        """Allocate memory while the driver goes on.

        Await it, or let `shared_memory_allocate_complete` be called with it, at PASSIVE_LEVEL. What is refused at once
        has the status FAILURE and no completion: while the adapter halts.
        """
        self._enter("NdisMAllocateSharedMemoryAsyncEx")
        self._need_channel("NdisMAllocateSharedMemoryAsyncEx")
        return self._start_allocation(
            length,
            cached=True,
            alignment=alignment,
            context=context,
            purpose=purpose,
            level=PASSIVE,
            halting=self._adapter.state.current is AdapterState.HALTING,
        )

    @ddi(
        "NdisMFreeSharedMemory", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.12; 10.9 chooses DISPATCH"
    )
    def free_shared_memory(self, shared: SharedMemory) -> None:
        """Free what was allocated, in either way."""
        self._enter("NdisMFreeSharedMemory")
        self._adapter.resources.free_shared(shared)

    @ddi("NdisAllocateMdl", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def allocate_mdl(self, shared: SharedMemory, offset: int, length: int) -> Mdl:
        """Describe `length` bytes of shared memory from `offset`."""
        self._enter("NdisAllocateMdl")
        self._check_inside(shared, offset, length)
        return Mdl(self._adapter.device.memory.map, shared.address + offset, length)

    @ddi("NdisAllocateNetBufferListPool", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def allocate_nbl_pool(self, count: int, name: str = "lists") -> NblPool:
        """Make a pool of NET_BUFFER_LISTs."""
        self._enter("NdisAllocateNetBufferListPool")
        pool = self._adapter.library.make_nbl_pool(name, self._adapter.name, count)
        self._adapter.resources.nbl_pools.append(pool)
        return pool

    @ddi("NdisFreeNetBufferListPool", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def free_nbl_pool(self, pool: NblPool) -> None:
        """Give a pool back."""
        self._enter("NdisFreeNetBufferListPool")
        self._adapter.resources.free_lists(pool)

    @ddi("NdisAllocateNetBufferAndNetBufferList", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def allocate_nbl(self, pool: NblPool, mdl: Mdl) -> NetBufferList | None:
        """Take a list of one frame over `mdl` from `pool`; None when it is empty."""
        self._enter("NdisAllocateNetBufferAndNetBufferList")
        nbl = pool.allocate(self._adapter)
        if nbl is not None:
            nbl.buffers = (NetBuffer(nbl, [mdl], 0, mdl.length),)
        return nbl

    # Sending and receiving.

    @ddi("NdisMSendNetBufferListsComplete", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.4, seed 003")
    def send_complete(self, nbls: Sequence[NetBufferList], flags: int = 0) -> None:
        """Hand lists back to the protocols that sent them, exactly once each, the `status` of each set before."""
        # As `_enter` does, without a call for each single send.
        adapter = self._adapter
        if not adapter.alive:
            raise after_halt("NdisMSendNetBufferListsComplete", adapter)
        (adapter.kernel.current or adapter.running_cpu("NdisMSendNetBufferListsComplete")).preempt()
        if len(nbls) > 0:
            adapter.sends.complete(nbls, flags)

    @ddi("NdisMIndicateReceiveNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.6")
    def indicate_receive(self, nbls: Sequence[NetBufferList], port: int = 0, flags: int = 0) -> None:
        """Offer received lists to the protocols; they come back through `return_nbls`.

        With the flag RESOURCES they are the miniport's again when this returns.
        """
        self._enter("NdisMIndicateReceiveNetBufferLists")
        if len(nbls) > 0:
            self._adapter.receives.indicate(nbls, port, flags)

    # Completions.

    @ddi("NdisMPauseComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def pause_complete(self) -> None:
        """Complete a pause that is pending; it cannot have failed."""
        self._enter("NdisMPauseComplete")
        self._adapter.pausing.complete(Status.SUCCESS)

    @ddi("NdisMRestartComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def restart_complete(self, status: Status) -> None:
        """Complete a restart that is pending."""
        self._enter("NdisMRestartComplete")
        self._adapter.restarting.complete(status)

    @ddi("NdisMOidRequestComplete", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.8")
    def oid_request_complete(self, request: OidRequest, status: Status) -> None:
        """Complete the request that is pending."""
        self._enter("NdisMOidRequestComplete")
        self._adapter.requests.complete_request(request, status)

    # Statuses and resets.

    @ddi("NdisMIndicateStatusEx", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def indicate_status(self, indication: StatusIndication) -> None:
        """Tell all protocols; a LINK_STATE, with its NDIS_LINK_STATE, is also what NDIS answers of the link from now on."""
        self._enter("NdisMIndicateStatusEx")
        if self._adapter.registration is None:
            raise RuleViolation(
                "status-before-attributes",
                f"{self._adapter.name} indicated {indication.code} before its registration attributes were set",
            )
        self._adapter.indications.indicate(indication)

    @ddi("NdisMResetMiniport", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.7")
    def reset_miniport(self) -> Status:
        """Ask for a reset, which is never on this stack: SUCCESS means that it will come."""
        self._enter("NdisMResetMiniport")
        status = self._adapter.resetting.ask()
        return Status.SUCCESS if status is Status.PENDING else status

    # Locks.

    @ddi("NdisAllocateRWLock", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def allocate_rw_lock(self, name: str = "lock") -> RwLock:
        """Make a lock that many may hold to read, and one to write."""
        self._enter("NdisAllocateRWLock")
        return RwLock(self._adapter.kernel, f"{self._adapter.name} {name}", self._adapter.name)

    # Timers and work items.

    @ddi("NdisAllocateTimerObject", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def allocate_timer_object(self, routine: Callable[[], None], name: str = "timer") -> Timer:
        """Make a timer whose `routine` (NetTimerCallback) runs at DISPATCH_LEVEL."""
        self._enter("NdisAllocateTimerObject")
        return self._make_timer(routine, name, "NetTimerCallback")

    @ddi("NdisSetTimerObject", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def delay(self, ns: int) -> Delay:
        """Await this to let `ns` nanoseconds pass at any IRQL up to DISPATCH; it resumes there."""
        self._enter("NdisSetTimerObject")
        return Delay(self._adapter.kernel, ns)

    @ddi("NdisQueueIoWorkItem", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def queue_io_work_item(self, routine: Callable[[], object], name: str = "work item") -> None:
        """Run `routine`, plain or a coroutine, at PASSIVE_LEVEL."""
        self._enter("NdisQueueIoWorkItem")
        self._adapter.resources.schedule(routine, name)

    def _claim(self, call: str) -> None:
        """Let a resource-claiming call in: the registration attributes come before it, and the interrupt after."""
        self._enter(call)
        adapter = self._adapter
        if adapter.registration is None:
            raise RuleViolation(
                "st-attributes-first",
                f"{adapter.name} called {call} before its registration attributes were set, which come first",
            )
        interrupt = adapter.resources.interrupt
        if interrupt is not None and interrupt.connected:
            raise RuleViolation(
                "int-ready-before-register",
                f"{adapter.name} called {call} after NdisMRegisterInterruptEx, which comes last: "
                "an interrupt may arrive before it returns",
            )

    def _need_channel(self, call: str) -> None:
        if self._adapter.dma is None:
            raise RuleViolation(
                "shm-alloc-needs-dma",
                f"{self._adapter.name} called {call} without NdisMRegisterScatterGatherDma, which comes before",
            )
