"""The library as a 5.1 miniport sees it: `self.ndis`.

One object for each adapter; its methods are the NdisXxx and NdisMXxx
routines, named in Python's case, the DDK's name beside each. Every call is a
preemption point, needs a virtual CPU to be running driver code, and is
refused once the adapter has halted or failed.

Source: NDIS reference 3.1.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Cpu, Delay, Event, SpinLock, Timer, sleep
from ndisemu.ndis.constants import AttributeFlag
from ndisemu.ndis.data.mdl import Mdl
from ndisemu.ndis.data.packet import Packet, PacketPool
from ndisemu.ndis.ddi import Kind, check_immediate, ddi
from ndisemu.ndis.resources import SharedMemory
from ndisemu.ndis.states import AdapterState
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.interrupt import Interrupt

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter

_SOURCE = "NDIS reference 3.1"


class RegisterSpace:
    """A card's registers, mapped (`NdisMMapIoSpace`); each access is a preemption point."""

    __slots__ = ("_adapter", "_read", "_write")

    def __init__(self, adapter: "PacketAdapter") -> None:
        self._adapter = adapter
        self._read: Callable[[int], int] = adapter.device.registers.mmio_read
        self._write: Callable[[int, int], None] = adapter.device.registers.mmio_write
        adapter.resources.unmaps.append(self._unmap)

    @ddi("NdisReadRegisterUlong", irql="any", kind=Kind.CALL, source=_SOURCE)
    def read(self, offset: int) -> int:
        """Read the 32-bit register at `offset`."""
        cpu = self._adapter.running_cpu("NdisReadRegisterUlong")
        value = self._read(offset)
        cpu.preempt()
        return value

    @ddi("NdisWriteRegisterUlong", irql="any", kind=Kind.CALL, source=_SOURCE)
    def write(self, offset: int, value: int) -> None:
        """Write the 32-bit register at `offset`."""
        cpu = self._adapter.running_cpu("NdisWriteRegisterUlong")
        self._write(offset, value)
        cpu.preempt()

    def _unmap(self) -> None:
        # In the place of the card's own methods, so that access to a live card needs no check.
        self._read = self._write = self._gone

    def _gone(self, offset: int, _value: int = 0) -> NoReturn:
        raise _after_halt("Register access", self._adapter)


class MiniportLibrary:
    """The calls of one adapter's miniport."""

    def __init__(self, adapter: "PacketAdapter") -> None:
        self._adapter = adapter

    def __repr__(self) -> str:
        return f"<MiniportLibrary of {self._adapter.name}>"

    # Initialization.

    @ddi("NdisMSetAttributesEx", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def set_attributes(self, flags: AttributeFlag = AttributeFlag.BUS_MASTER) -> None:
        """Say what the driver is, before it claims anything; DESERIALIZE follows from the class."""
        self._enter("NdisMSetAttributesEx")
        self._adapter.attributes = flags | AttributeFlag.DESERIALIZE

    @ddi("NdisMMapIoSpace", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def map_io_space(self) -> RegisterSpace:
        """Map the card's registers."""
        self._claim("NdisMMapIoSpace")
        return RegisterSpace(self._adapter)

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
                "shmem-init-only",
                f"{self._adapter.name} called NdisMAllocateSharedMemory in state "
                f"{self._adapter.state.current.value}; it belongs into MiniportInitialize",
            )
        return self._adapter.resources.allocate_shared(length, cached=cached, alignment=alignment, purpose=purpose)

    @ddi("NdisMFreeSharedMemory", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.12; 10.9 chooses PASSIVE")
    def free_shared_memory(self, shared: SharedMemory) -> None:
        """Free what `allocate_shared_memory` returned."""
        self._enter("NdisMFreeSharedMemory")
        self._adapter.resources.free_shared(shared)

    @ddi("NdisAllocateBuffer", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def allocate_buffer(self, shared: SharedMemory, offset: int, length: int) -> Mdl:
        """Describe `length` bytes of shared memory from `offset` as a buffer."""
        self._enter("NdisAllocateBuffer")
        if not 0 <= offset <= offset + length <= shared.length:
            raise RuleViolation(
                "buffer-outside",
                f"{length} bytes at {offset} do not lie inside the {shared.block}, {shared.length} bytes",
            )
        return Mdl(self._adapter.device.memory.map, shared.address + offset, length)

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
        self._enter("NdisMSendComplete")
        if isinstance(packets, Packet):
            packets = (packets,)
        if packets:
            self._adapter.sends.complete(packets, status)

    @ddi("NdisMSendResourcesAvailable", irql="== DISPATCH", kind=Kind.CALL, source="seed 001")
    def send_resources_available(self) -> None:
        """For serialized miniports only: a deserialized one queues inside and may not call it."""
        self._enter("NdisMSendResourcesAvailable")
        self._adapter.sends.resources_available()

    @ddi("NdisMIndicateReceivePacket", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.5.2")
    def indicate_receive(self, packets: Sequence[Packet]) -> None:
        """Offer received packets to the protocols; they come back through `return_packets`.

        Packets whose status is RESOURCES are the miniport's again when this returns.
        """
        self._enter("NdisMIndicateReceivePacket")
        if packets:
            self._adapter.receives.indicate(packets)

    @ddi("NdisMEthIndicateReceive", irql="== DISPATCH", kind=Kind.CALL, source="NDIS reference 5.5.1")
    def eth_indicate_receive(self, context: object, header: bytes, lookahead: bytes, packet_size: int) -> None:
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

    # Locks, time and waiting.

    @ddi("NdisAllocateSpinLock", irql="any", kind=Kind.CALL, source="NDIS reference 5.10")
    def allocate_spin_lock(self, name: str = "lock") -> SpinLock:
        """Make a spin lock."""
        self._enter("NdisAllocateSpinLock")
        return SpinLock(self._adapter.kernel, f"{self._adapter.name} {name}")

    @ddi("NdisMInitializeTimer", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.10")
    def initialize_timer(self, routine: Callable[[], None], name: str = "timer") -> Timer:
        """Make a timer whose `routine` (MiniportTimer) runs at DISPATCH_LEVEL."""
        self._enter("NdisMInitializeTimer")
        check_immediate("timer", routine)
        adapter = self._adapter

        def expired() -> None:
            if adapter.alive:
                adapter.call("MiniportTimer", routine)

        timer = Timer(adapter.cpu, expired, name=f"{adapter.name} {name}")
        adapter.resources.timers.append(timer)
        return timer

    @ddi("NdisScheduleWorkItem", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def schedule_work_item(self, routine: Callable[[], object], name: str = "work item") -> None:
        """Run `routine`, plain or a coroutine, at PASSIVE_LEVEL."""
        self._enter("NdisScheduleWorkItem")
        self._adapter.resources.schedule(routine, name)

    @ddi("NdisInitializeEvent", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def initialize_event(self, name: str = "event") -> Event:
        """Make an event that PASSIVE_LEVEL code can wait for."""
        self._enter("NdisInitializeEvent")
        return Event(self._adapter.kernel, f"{self._adapter.name} {name}")

    @ddi("NdisMSleep", irql="< DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def sleep(self, ns: int) -> Delay:
        """Await this to let `ns` nanoseconds pass, as a thread."""
        self._enter("NdisMSleep")
        return sleep(self._adapter.kernel, ns)

    @ddi("NdisMSetTimer", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def delay(self, ns: int) -> Delay:
        """Await this to let `ns` nanoseconds pass at any IRQL up to DISPATCH; it resumes there."""
        self._enter("NdisMSetTimer")
        return Delay(self._adapter.kernel, ns)

    @ddi("NdisStallExecution", irql="any", kind=Kind.CALL, source=_SOURCE)
    def stall(self, ns: int) -> None:
        """Keep the CPU busy for `ns` nanoseconds of modelled time, at most 50 µs."""
        if not 0 <= ns <= 50_000:
            raise RuleViolation("stall-too-long", f"NdisStallExecution takes at most 50 us, not {ns} ns; use a timer")
        self._enter("NdisStallExecution").charge(ns)

    def _enter(self, call: str) -> Cpu:
        """Let the call in: the adapter is alive, and a CPU runs it; then let interrupts in."""
        adapter = self._adapter
        if not adapter.alive:
            raise _after_halt(call, adapter)
        cpu = adapter.running_cpu(call)
        cpu.preempt()
        return cpu

    def _claim(self, call: str) -> None:
        """Let a resource-claiming call in, which NdisMSetAttributesEx must precede."""
        self._enter(call)
        if self._adapter.attributes is None:
            raise RuleViolation(
                "init-attributes", f"{self._adapter.name} called {call} before NdisMSetAttributesEx, which comes first"
            )


def _after_halt(call: str, adapter: "PacketAdapter") -> RuleViolation:
    return RuleViolation(
        "st-after-halt",
        f"{call} was called for {adapter.name} in state {adapter.state.current.value}; "
        "nothing of a driver may run outside Initializing, Running and Halting",
    )
