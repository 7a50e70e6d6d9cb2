"""The upper edge of an NDIS 5.1 miniport: what NDIS calls, as a class to derive from.

Entry points come in three kinds (`ddi.Kind`). One that may pend is a plain
function or a coroutine: suspending is NDIS_STATUS_PENDING, and what the
coroutine returns later is the completion. The explicit style is the DDK's:
return `Status.PENDING`, later call the completion on `self.ndis`. A
PASSIVE_LEVEL one is awaited by NDIS. An immediate one is a plain function.

Source: NDIS reference 1.2, 5.2 and 5.3.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ndisemu.ndis.constants import Medium, PacketFlag
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.pnp import DeviceEvent
from ndisemu.ndis.reset import ResetResult
from ndisemu.ndis.resources import SharedMemory
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.library import MiniportLibrary

Pending = Status | None | Awaitable[Status | None]
Transferred = Status | tuple[Status, int]


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """What MiniportInitialize is told: the adapter's name, the media NDIS knows, and its parameters.

    `parameters` are what NdisReadConfiguration would find, such as TxRing.
    """

    name: str
    media: tuple[Medium, ...]
    parameters: Mapping[str, int]


class Miniport:
    """An NDIS 5.1 miniport driver's entry points; one object for each adapter.

    `ndis` is the library as this adapter sees it, there from before
    `initialize`. A driver must supply `initialize`, `halt`, `send_packets` or
    `send`, `query_information` and `set_information`, and the interrupt
    entries if it registers an interrupt. Of the two sends NDIS calls
    `send_packets` only, where it is supplied.
    """

    deserialized: ClassVar[bool] = True
    """NDIS_ATTRIBUTE_DESERIALIZE: the driver locks and queues itself; without it NDIS does (`serialized`)."""

    strict_one_outstanding: ClassVar[bool] = False
    """The oldest texts' variant of the serialized model: after each PENDING the next send waits for
    NdisMSendComplete or NdisMSendResourcesAvailable."""

    ndis: MiniportLibrary

    @ddi("MiniportInitialize", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 1.2")
    def initialize(self, adapter: AdapterInfo) -> Status | Awaitable[Status]:
        """Claim resources and start the card; anything but SUCCESS means that the adapter does not start."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportInitialize")

    @ddi("MiniportHalt", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 1.2")
    def halt(self) -> Awaitable[None] | None:
        """Stop the card and give back every resource; nothing of the driver may run afterwards."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportHalt")

    @ddi("MiniportSend", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 5.2, 5.3, seed 000")
    def send(self, packet: Packet, flags: PacketFlag) -> Pending:
        """Own `packet` if the answer is PENDING, until `ndis.send_complete`; a serialized driver may say RESOURCES."""
        raise NotImplementedError(f"{type(self).__name__} supplies neither MiniportSendPackets nor MiniportSend")

    @ddi("MiniportSendPackets", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 5.2, 5.3, seed 001")
    def send_packets(self, packets: Sequence[Packet]) -> Pending:
        """Own `packets` until each is handed back with `ndis.send_complete`; queue inside, never refuse.

        A serialized driver sets the `status` of each before it returns, up to the first RESOURCES.
        """
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportSendPackets")

    @ddi("MiniportCancelSendPackets", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 1.2, 5.2")
    def cancel_send_packets(self, cancel_id: int) -> None:
        """Complete with REQUEST_ABORTED what is queued inside under `cancel_id`; a driver may leave this out."""

    @ddi("MiniportQueryInformation", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 1.2, 4.5")
    def query_information(self, request: OidRequest) -> Pending:
        """Answer with `request.answer(data)` and return its status."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportQueryInformation")

    @ddi("MiniportSetInformation", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 1.2, 4.5")
    def set_information(self, request: OidRequest) -> Pending:
        """Take `request.data` and return a status."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportSetInformation")

    @ddi("MiniportISR", irql="== DIRQL", kind=Kind.IMMEDIATE, source="NDIS reference 5.9")
    def isr(self) -> tuple[bool, bool]:
        """Return whether the interrupt is this adapter's, and whether its DPC is to be queued."""
        raise NotImplementedError(f"{type(self).__name__} registers an interrupt and supplies no MiniportISR")

    @ddi("MiniportHandleInterrupt", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.9")
    def handle_interrupt(self) -> None:
        """Do the interrupt's work, as a DPC."""
        raise NotImplementedError(
            f"{type(self).__name__} registers an interrupt and supplies no MiniportHandleInterrupt"
        )

    @ddi(
        "MiniportEnableInterrupt", irql="== DIRQL", kind=Kind.IMMEDIATE, source="NDIS reference 5.9; 10.2 chooses DIRQL"
    )
    def enable_interrupt(self) -> bool:
        """Unmask the card, after each `handle_interrupt`; a driver that does it there itself leaves this out."""
        return True

    @ddi("MiniportDisableInterrupt", irql="== DIRQL", kind=Kind.IMMEDIATE, source="NDIS reference 5.9")
    def disable_interrupt(self) -> None:
        """Mask the card; NDIS calls it instead of `isr` where `request_isr` was False."""
        raise NotImplementedError(
            f"{type(self).__name__} does not ask for its ISR and supplies no MiniportDisableInterrupt"
        )

    @ddi("MiniportAllocateComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="seed 002")
    def allocate_complete(self, memory: SharedMemory | None, length: int, context: object) -> None:
        """Take the memory that `ndis.allocate_shared_memory_async` was asked for; None (VirtualAddress NULL) is a failure.

        `memory.words` is VirtualAddress, `memory.address` PhysicalAddress.
        """
        raise NotImplementedError(
            f"{type(self).__name__} allocates shared memory asynchronously and supplies no MiniportAllocateComplete"
        )

    @ddi("MiniportTransferData", irql="== DISPATCH", kind=Kind.PEND, source="NDIS reference 1.2, 5.5.1")
    def transfer_data(
        self, packet: Packet, context: object, offset: int, length: int
    ) -> Transferred | Awaitable[Transferred]:
        """Bring `length` bytes, from `offset` behind the header on, of the frame that `context` was indicated with.

        `packet.put` copies them. Returns a status, which with SUCCESS stands for all bytes, or a pair of it and how
        many have come. Several bindings may ask for one frame, so its buffer stays reserved until all have theirs.
        """
        raise NotImplementedError(f"{type(self).__name__} indicates frames and supplies no MiniportTransferData")

    @ddi("MiniportReturnPacket", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.5.2")
    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Take back received packets that no protocol holds any more, a burst at a time."""
        raise NotImplementedError(f"{type(self).__name__} indicates packets and supplies no MiniportReturnPacket")

    @ddi("MiniportCheckForHang", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.7")
    def check_for_hang(self) -> bool:
        """Say whether the card hangs and should be reset, from what is known already; every two seconds or so."""
        return False

    @ddi("MiniportReset", irql="== DISPATCH", kind=Kind.PEND, source="NDIS reference 5.7")
    def reset(self) -> ResetResult | Awaitable[ResetResult]:
        """Reset the card; returns a status, or a status and whether NDIS is to set addresses and filters again.

        A deserialized driver completes every send it has, with REQUEST_ABORTED, before the reset is complete.
        """
        return Status.NOT_RESETTABLE

    @ddi("MiniportPnPEventNotify", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 5.1")
    def pnp_event_notify(self, event: DeviceEvent) -> Awaitable[None] | None:
        """Learn that the card is gone: complete everything, and expect ones from its registers."""
        return None

    @ddi("MiniportShutdown", irql="any", kind=Kind.IMMEDIATE, source="NDIS reference 1.2")
    def shutdown(self) -> None:
        """Quiesce the card and free nothing: the machine is about to be switched off."""
