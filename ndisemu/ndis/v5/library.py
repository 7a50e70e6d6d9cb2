"""The library as a 5.1 miniport sees it: `self.ndis`.

One object for each adapter; its methods are the NdisXxx and NdisMXxx
routines, named in Python's case, the DDK's name beside each. What no
generation has changed is in `miniportlibrary`.

Source: NDIS reference 3.1.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, Delay, Irp, Timer
from ndisemu.ndis.allocation import Allocation
from ndisemu.ndis.constants import AttributeFlag
from ndisemu.ndis.data.mdl import DescriptorPool, Mdl
from ndisemu.ndis.data.packet import Packet, PacketPool
from ndisemu.ndis.ddi import Kind, check_immediate, ddi
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.miniportlibrary import BaseMiniportLibrary, after_halt
from ndisemu.ndis.resources import SharedMemory
from ndisemu.ndis.states import AdapterState
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.interrupt import Interrupt

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter

_SOURCE = "NDIS reference 3.1"


class MiniportLibrary(BaseMiniportLibrary):
    """The calls of one adapter's miniport."""

    _adapter: "PacketAdapter"

    # Initialization.

    @ddi("NdisMSetAttributesEx", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def set_attributes(
        self, flags: AttributeFlag = AttributeFlag.BUS_MASTER, *, check_for_hang_seconds: int = 0
    ) -> None:
        """Say what the driver is, before it claims anything; DESERIALIZE follows from the class.

        `check_for_hang_seconds` is how often NDIS looks for a hang; 0 means every two seconds.
        """
        self._enter("NdisMSetAttributesEx")
        self._adapter.hang.set_interval(check_for_hang_seconds)
        deserialized = self._adapter.miniport.deserialized
        self._adapter.attributes = flags | AttributeFlag.DESERIALIZE if deserialized else flags

    @ddi("NdisMRegisterInterrupt", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.9")
    def register_interrupt(self, *, request_isr: bool = True) -> Interrupt:
        """Connect `isr` to the card's line; it may be called before this returns.

        Without `request_isr` NDIS calls `disable_interrupt` instead and always queues the DPC.
        """
        self._claim("NdisMRegisterInterrupt")
        before = self._adapter.resources.interrupt
        if before is not None and before.connected:
            raise RuleViolation("int-register-twice", f"{self._adapter.name} has registered its interrupt already")
        return Interrupt(self._adapter, request_isr=request_isr)

    @ddi("NdisMDeregisterInterrupt", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.9")
    def deregister_interrupt(self, interrupt: Interrupt) -> None:
        """Disconnect `isr`; afterwards neither it nor the DPC runs."""
        self._enter("NdisMDeregisterInterrupt")
        interrupt.disconnect()

    @ddi("NdisMSynchronizeWithInterrupt", irql="<= DIRQL", kind=Kind.CALL, source=_SOURCE)
    def synchronize_with_interrupt(self, function: Callable[[], bool]) -> bool:
        """Run `function` at DIRQL, where the ISR cannot interrupt it."""
        self._enter("NdisMSynchronizeWithInterrupt")
        check_immediate("MiniportSynchronizeInterrupt", function)
        return self._adapter.device.line.synchronize(function)

    # Memory.

    @ddi("NdisMAllocateSharedMemory", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.12")
    def allocate_shared_memory(
        self, length: int, *, cached: bool = True, alignment: int = 64, purpose: str = "shared memory"
    ) -> SharedMemory | None:
        """Allocate memory for card and driver; None when there is no room. Only from `initialize`."""
        self._claim("NdisMAllocateSharedMemory")
        if self._adapter.state.current is not AdapterState.INITIALIZING:
            raise RuleViolation(
                "shm-alloc-init-only",
                f"{self._adapter.name} called NdisMAllocateSharedMemory in state "
                f"{self._adapter.state.current.value}; it belongs into MiniportInitialize",
            )
        return self._adapter.resources.allocate_shared(length, cached=cached, alignment=alignment, purpose=purpose)

    @ddi("NdisMAllocateSharedMemoryAsync", irql="<= DISPATCH", kind=Kind.CALL, source="seed 002, NDIS reference 5.12")
    def allocate_shared_memory_async(
        self,
        length: int,
        *,
        cached: bool = True,
        alignment: int = 64,
        context: object = None,
        purpose: str = "shared memory",
    ) -> Allocation:
        """Allocate memory while the driver goes on: await it, or let `allocate_complete` be called with it.

        What is refused at once has the status FAILURE and no completion: while the adapter halts.
        """
        self._enter("NdisMAllocateSharedMemoryAsync")
        self._check_async()
        return self._start_allocation(
            length,
            cached=cached,
            alignment=alignment,
            context=context,
            purpose=purpose,
            level=DISPATCH,
            halting=self._adapter.state.current is AdapterState.HALTING,
        )

    @ddi("NdisMFreeSharedMemory", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.12; 10.9 chooses PASSIVE")
    def free_shared_memory(self, shared: SharedMemory) -> None:
        """Free what `allocate_shared_memory` returned."""
        self._enter("NdisMFreeSharedMemory")
        self._adapter.resources.free_shared(shared)

    @ddi("NdisAllocateBufferPool", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def allocate_buffer_pool(self, count: int, name: str = "buffers") -> DescriptorPool:
        """Make a pool of buffer descriptors, which describe nothing yet."""
        self._enter("NdisAllocateBufferPool")
        pool = DescriptorPool(self._adapter.device.memory, name, self._adapter.name, count)
        self._adapter.resources.buffer_pools.append(pool)
        return pool

    @ddi("NdisFreeBufferPool", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def free_buffer_pool(self, pool: DescriptorPool) -> None:
        """Give a buffer pool back, whose buffers were freed before."""
        self._enter("NdisFreeBufferPool")
        self._adapter.resources.free_buffers(pool)

    @ddi("NdisAllocateBuffer", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.1, seed 002")
    def allocate_buffer(self, pool: DescriptorPool, shared: SharedMemory, offset: int, length: int) -> Mdl | None:
        """Take a descriptor from `pool` for `length` bytes of shared memory from `offset`; None when it is empty."""
        self._enter("NdisAllocateBuffer")
        self._check_inside(shared, offset, length)
        return pool.describe(self._adapter, shared.address + offset, length)

    @ddi("NdisFreeBuffer", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def free_buffer(self, buffer: Mdl) -> None:
        """Give a descriptor back to its pool."""
        self._enter("NdisFreeBuffer")
        self._adapter.resources.free_buffer(buffer)

    @ddi("NdisAllocatePacketPoolEx", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def allocate_packet_pool(self, count: int, name: str = "packets") -> PacketPool:
        """Make a pool of packet descriptors."""
        self._enter("NdisAllocatePacketPoolEx")
        pool = self._adapter.library.make_packet_pool(name, self._adapter.name, count)
        self._adapter.resources.packet_pools.append(pool)
        return pool

    @ddi("NdisFreePacketPool", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def free_packet_pool(self, pool: PacketPool) -> None:
        """Give a packet pool back."""
        self._enter("NdisFreePacketPool")
        self._adapter.resources.free_packets(pool)

    @ddi("NdisAllocatePacket", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def allocate_packet(self, pool: PacketPool) -> Packet | None:
        """Take a descriptor from `pool`; None when it is empty."""
        self._enter("NdisAllocatePacket")
        return pool.allocate(self._adapter)

    # Sending and receiving.

    @ddi("NdisMSendComplete", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.3, seed 001")
    def send_complete(self, packets: Packet | Sequence[Packet], status: Status) -> None:
        """Hand packets back to the protocols that sent them, exactly once each."""
        # As `_enter` does, without a call for each single send.
        adapter = self._adapter
        if not adapter.alive:
            raise after_halt("NdisMSendComplete", adapter)
        (adapter.kernel.current or adapter.running_cpu("NdisMSendComplete")).preempt()
        if isinstance(packets, Packet):
            packets = (packets,)
        if len(packets) > 0:
            adapter.sends.complete(packets, status)

    @ddi("NdisMSendResourcesAvailable", irql="== DISPATCH", kind=Kind.CALL, source="seed 001")
    def send_resources_available(self) -> None:
        """Take back an earlier RESOURCES. For serialized miniports only: a deserialized one queues inside."""
        self._enter("NdisMSendResourcesAvailable")
        self._adapter.sends.resources_available()

    @ddi("NdisMIndicateReceivePacket", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.5.2")
    def indicate_receive(self, packets: Sequence[Packet]) -> None:
        """Offer received packets to the protocols; they come back through `return_packets`.

        Packets whose status is RESOURCES are the miniport's again when this returns.
        """
        self._enter("NdisMIndicateReceivePacket")
        if len(packets) > 0:
            self._adapter.receives.indicate(packets)

    @ddi("NdisMEthIndicateReceive", irql="== DISPATCH", kind=Kind.CALL, source="NDIS reference 5.5.1")
    def eth_indicate_receive(
        self, context: object, header: bytes | memoryview, lookahead: bytes | memoryview, packet_size: int
    ) -> None:
        """Show a frame that stays here; `transfer_data` may be entered for it, with `context`, before this returns.

        `packet_size` does not count the header.
        """
        cpu = self._enter("NdisMEthIndicateReceive")
        self._adapter.lookahead.indicate(cpu, context, bytes(header), bytes(lookahead), packet_size)

    @ddi("NdisMEthIndicateReceiveComplete", irql="== DISPATCH", kind=Kind.CALL, source="NDIS reference 5.5.1")
    def eth_indicate_receive_complete(self) -> None:
        """End a batch of `eth_indicate_receive`: once in each DPC that has made any."""
        self._enter("NdisMEthIndicateReceiveComplete")
        self._adapter.lookahead.complete()

    @ddi("NdisMTransferDataComplete", irql="== DISPATCH", kind=Kind.CALL, source="NDIS reference 5.5.1")
    def transfer_data_complete(self, packet: Packet, status: Status, transferred: int) -> None:
        """Complete a pending `transfer_data`, exactly once; `transferred` bytes are in the packet."""
        self._enter("NdisMTransferDataComplete")
        self._adapter.lookahead.transfers.complete(packet, status, transferred)

    # Requests.

    @ddi("NdisMQueryInformationComplete", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.8")
    def query_information_complete(self, status: Status) -> None:
        """Complete the pending query."""
        self._enter("NdisMQueryInformationComplete")
        self._adapter.requests.complete(status, is_set=False)

    @ddi("NdisMSetInformationComplete", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.8")
    def set_information_complete(self, status: Status) -> None:
        """Complete the pending set."""
        self._enter("NdisMSetInformationComplete")
        self._adapter.requests.complete(status, is_set=True)

    # Reset and status.

    @ddi("NdisMIndicateStatus", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def indicate_status(self, code: Status, buffer: bytes = b"") -> None:
        """Tell all protocols; after one or more of these comes `indicate_status_complete`."""
        self._enter("NdisMIndicateStatus")
        self._adapter.indications.indicate_in_series(StatusIndication(code, buffer))

    @ddi("NdisMIndicateStatusComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def indicate_status_complete(self) -> None:
        """Say that a series of indications is at its end."""
        self._enter("NdisMIndicateStatusComplete")
        self._adapter.indications.end_series()

    # The driver below, of a miniport with a WDM lower edge.

    @ddi("IoCallDriver", irql="<= DISPATCH", kind=Kind.CALL, source="seed 003")
    def call_driver(self, irp: Irp, completion: Callable[[Irp], None] | None = None) -> Irp:
        """Send `irp` down and return it: await it for its status, or be told by `completion`, at DISPATCH_LEVEL."""
        self._enter("IoCallDriver")
        if completion is not None:
            check_immediate("IoCompletionRoutine", completion)
        self._adapter.resources.call_driver(irp, completion)
        return irp

    @ddi("IoCancelIrp", irql="<= DISPATCH", kind=Kind.CALL, source="seed 003")
    def cancel_irp(self, irp: Irp) -> bool:
        """Ask for an early end of `irp`, which is completed all the same; whether it could be asked for."""
        self._enter("IoCancelIrp")
        return irp.cancel()

    # Timers and work items.

    @ddi("NdisMInitializeTimer", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.10")
    def initialize_timer(self, routine: Callable[[], None], name: str = "timer") -> Timer:
        """Make a timer whose `routine` (MiniportTimer) runs at DISPATCH_LEVEL."""
        self._enter("NdisMInitializeTimer")
        return self._make_timer(routine, name, "MiniportTimer")

    @ddi("NdisScheduleWorkItem", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def schedule_work_item(self, routine: Callable[[], object], name: str = "work item") -> None:
        """Run `routine`, plain or a coroutine, at PASSIVE_LEVEL."""
        self._enter("NdisScheduleWorkItem")
        self._adapter.resources.schedule(routine, name)

    @ddi("NdisMSetTimer", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def delay(self, ns: int) -> Delay:
        """Await this to let `ns` nanoseconds pass at any IRQL up to DISPATCH; it resumes there."""
        self._enter("NdisMSetTimer")
        return Delay(self._adapter.kernel, ns)

    def _check_async(self) -> None:
        """Asynchronous allocation is for bus masters whose received packets come back to them (seed 002)."""
        adapter = self._adapter
        if adapter.attributes is None or not adapter.attributes & AttributeFlag.BUS_MASTER:
            raise RuleViolation(
                "shm-async-busmaster",
                f"{adapter.name} called NdisMAllocateSharedMemoryAsync without having said that it is a bus master; "
                "pass BUS_MASTER to NdisMSetAttributesEx",
            )
        if not adapter.supplies("return_packets"):
            raise RuleViolation(
                "shm-async-return-handler",
                f"{adapter.name} called NdisMAllocateSharedMemoryAsync and supplies no MiniportReturnPacket",
            )

    def _claim(self, call: str) -> None:
        """Let a resource-claiming call in, which NdisMSetAttributesEx must precede."""
        self._enter(call)
        if self._adapter.attributes is None:
            raise RuleViolation(
                "st-attributes-first",
                f"{self._adapter.name} called {call} before NdisMSetAttributesEx, which comes first",
            )
