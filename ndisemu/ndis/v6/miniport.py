"""The upper edge of an NDIS 6 miniport: what NDIS calls, as a class to derive from.

Every NDIS 6 miniport is deserialized: its entry points may run at the same
time on several CPUs, except where its state forbids it. One that may pend is
a plain function or a coroutine: suspending is NDIS_STATUS_PENDING, and what
the coroutine returns later is the completion. The explicit style is the
DDK's: return `Status.PENDING`, later call the completion on `self.ndis`. A
PASSIVE_LEVEL one is awaited by NDIS. An immediate one is a plain function.

Pause, restart and OID requests run at PASSIVE_LEVEL and may pend, so a
coroutine of theirs waits for what `ndis` gives it, and resumes as a thread.

Not here: direct, synchronous and method OIDs, message-signalled interrupts.

Source: NDIS reference 1.4.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.pnp import DeviceEvent
from ndisemu.ndis.reset import ResetResult
from ndisemu.ndis.resources import SharedMemory
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.dma import SgList
from ndisemu.ndis.v6.flags import HaltAction, ShutdownAction
from ndisemu.ndis.v6.interrupt import Throttle
from ndisemu.ndis.v6.library import MiniportLibrary

Pending = Status | None | Awaitable[Status | None]

_SOURCE = "NDIS reference 1.4"


@dataclass(frozen=True, slots=True)
class InitParameters:
    """`NDIS_MINIPORT_INIT_PARAMETERS`: the adapter's name and number, and what its configuration says, such as TxRing."""

    name: str
    if_index: int
    parameters: Mapping[str, int]


class Miniport:
    """An NDIS 6 miniport driver's entry points; one object for each adapter.

    `ndis` is the library as this adapter sees it, there from before
    `initialize`. A driver must supply `initialize`, `halt`, `pause`,
    `restart`, `send`, `return_nbls` and `oid_request`, and the interrupt
    entries if it registers an interrupt.
    """

    ndis: MiniportLibrary

    # Life.

    @ddi("MiniportInitializeEx", irql="== PASSIVE", kind=Kind.PASSIVE, source=_SOURCE)
    def initialize(self, parameters: InitParameters) -> Status | Awaitable[Status]:
        """Say what the adapter is, claim resources, start the card; the adapter is paused afterwards."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportInitializeEx")

    @ddi("MiniportHaltEx", irql="== PASSIVE", kind=Kind.PASSIVE, source=_SOURCE)
    def halt(self, action: HaltAction) -> Awaitable[None] | None:
        """Stop the card and give back every resource; nothing of the driver may run afterwards."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportHaltEx")

    @ddi("MiniportPause", irql="== PASSIVE", kind=Kind.PEND, source="NDIS reference 1.4, 5.1")
    def pause(self) -> Pending:
        """Indicate no more, and return SUCCESS once every list is back, sent and received; a pause cannot fail."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportPause")

    @ddi("MiniportRestart", irql="== PASSIVE", kind=Kind.PEND, source="NDIS reference 1.4, 5.1")
    def restart(self) -> Pending:
        """Indicate from now on, and be ready for sends when this completes with SUCCESS."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportRestart")

    @ddi("MiniportShutdownEx", irql="any", kind=Kind.IMMEDIATE, source=_SOURCE)
    def shutdown(self, action: ShutdownAction) -> None:
        """Silence the card and free nothing: the machine goes down, and nothing is called afterwards."""

    @ddi(
        "MiniportCheckForHangEx",
        irql="== PASSIVE",
        kind=Kind.IMMEDIATE,
        source="NDIS reference 5.7; 10.1 chooses PASSIVE",
    )
    def check_for_hang(self) -> bool:
        """Tell whether the card hangs and must be reset; NDIS times requests itself, and leaves sends to the driver."""
        return False

    @ddi("MiniportResetEx", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 5.7")
    def reset(self) -> ResetResult | Awaitable[ResetResult]:
        """Reset the card; returns a status, or a status and whether NDIS is to set filters and addresses again.

        Every send and request that the driver has is completed before the reset is complete (NDIS 6.30).
        """
        return Status.NOT_RESETTABLE

    @ddi("MiniportDevicePnPEventNotify", irql="== PASSIVE", kind=Kind.PASSIVE, source=_SOURCE)
    def device_pnp_event_notify(self, event: DeviceEvent) -> Awaitable[None] | None:
        """Learn that the device was removed, after which everything ends with NOT_ACCEPTED; or of another power profile."""
        return None

    # Data.

    @ddi("MiniportSendNetBufferLists", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 5.4, seed 003")
    def send(self, nbls: Sequence[NetBufferList], port: int, flags: int) -> Pending:
        """Own `nbls` until each is handed back with `ndis.send_complete`; queue inside, never refuse."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportSendNetBufferLists")

    @ddi("MiniportCancelSend", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.4")
    def cancel_send(self, cancel_id: int) -> None:
        """Complete with SEND_ABORTED what is queued under this id; a driver that queues nothing leaves this out."""

    @ddi("MiniportReturnNetBufferLists", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.6")
    def return_nbls(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Take back received lists, in whatever grouping and order."""
        raise NotImplementedError(f"{type(self).__name__} indicates lists and supplies no MiniportReturnNetBufferLists")

    @ddi("MiniportProcessSGList", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.12")
    def process_sg_list(self, sg_list: SgList, context: object) -> None:
        """Take the scatter/gather list that `DmaChannel.allocate_net_buffer_sg_list` has made."""
        raise NotImplementedError(f"{type(self).__name__} allocates SG lists and supplies no MiniportProcessSGList")

    @ddi("MiniportSharedMemoryAllocateComplete", irql="== PASSIVE", kind=Kind.IMMEDIATE, source="NDIS reference 5.12")
    def shared_memory_allocate_complete(self, shared: SharedMemory | None, context: object) -> None:
        """Take the memory that `ndis.allocate_shared_memory_async` was asked for, or learn that there is none.

        A driver that awaits each of its allocations leaves this out.
        """
        raise NotImplementedError(
            f"{type(self).__name__} allocates shared memory and supplies no MiniportSharedMemoryAllocateComplete"
        )

    # Requests.

    @ddi(
        "MiniportOidRequest", irql="== PASSIVE", kind=Kind.PEND, source="NDIS reference 1.4, 4.5; 10.1 chooses PASSIVE"
    )
    def oid_request(self, request: OidRequest) -> Pending:
        """Answer a query with `request.answer(data)`, take `request.data` of a set, and return the status."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportOidRequest")

    @ddi("MiniportCancelOidRequest", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.8")
    def cancel_oid_request(self, request_id: int) -> None:
        """Complete the pending request of this id with REQUEST_ABORTED, if it has not ended."""

    # Interrupts.

    @ddi("MiniportInterrupt", irql="== DIRQL", kind=Kind.IMMEDIATE, source="NDIS reference 5.9")
    def interrupt(self) -> tuple[bool, bool, int]:
        """Return whether the interrupt is this adapter's, whether to queue the default DPC, and for which CPUs another.

        The CPUs are a mask, which counts only without the default DPC.
        """
        raise NotImplementedError(f"{type(self).__name__} registers an interrupt and supplies no MiniportInterrupt")

    @ddi("MiniportInterruptDPC", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.9")
    def interrupt_dpc(self, context: object, throttle: Throttle) -> None:
        """Do the interrupt's work, indicate at most `throttle.max_nbls`, and unmask the card unless more is left."""
        raise NotImplementedError(f"{type(self).__name__} registers an interrupt and supplies no MiniportInterruptDPC")
