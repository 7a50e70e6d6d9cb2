"""What a miniport has claimed from NDIS, so that nothing outlives its adapter.

Interrupt, timers, work items, shared memory, pools and the IRPs sent to a
driver below are entered here when they are claimed and leave when they are
given back. What is left
after MiniportHalt is a leak, reported by name and reclaimed.
"""

import asyncio
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Irp, Timer, WorkItem
from ndisemu.memory import Block, DescriptorRing, HostMemory
from ndisemu.ndis.data.mdl import DescriptorPool, Mdl
from ndisemu.ndis.data.nbl import NblPool
from ndisemu.ndis.data.packet import PacketPool

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.allocation import Allocation


class SharedMemory:
    """Memory that driver and card share: the driver by `words` (64 bits each), the card by `address`.

    Once it is freed, looking at `words` or at a ring in them raises.
    """

    __slots__ = ("address", "block", "length", "words")

    def __init__(self, memory: HostMemory, block: Block) -> None:
        self.block = block
        self.address = block.address
        self.length = block.length
        first = block.address >> 3
        self.words = memory.words[first : first + (block.length >> 3)]

    def __repr__(self) -> str:
        return f"<SharedMemory {self.block}>"

    def ring(self) -> DescriptorRing:
        """Return the memory as a ring of 16-byte descriptors."""
        return DescriptorRing(self.words)


class Connection(Protocol):
    """A registered interrupt, in whichever way a generation registers it."""

    connected: bool

    def disconnect(self) -> None:
        """No ISR and no DPC after this."""
        ...


class Resources:
    """Everything one adapter's driver has claimed; `grown` counts the shared memory that it was given while it ran."""

    def __init__(self, adapter: "Adapter") -> None:
        self._adapter = adapter
        self.interrupt: Connection | None = None
        self.timers: list[Timer] = []
        self.shared: list[SharedMemory] = []
        self.allocations: dict[Allocation, None] = {}
        self.grown = 0
        self.packet_pools: list[PacketPool] = []
        self.buffer_pools: list[DescriptorPool] = []
        self.nbl_pools: list[NblPool] = []
        self.unmaps: list[Callable[[], None]] = []
        self.irps: dict[Irp, None] = {}
        self._work: dict[WorkItem, asyncio.Task[object] | None] = {}

    def allocate_shared(self, length: int, *, cached: bool, alignment: int, purpose: str) -> SharedMemory | None:
        """Allocate memory that the card may read and write; None when there is no room."""
        device = self._adapter.device
        block = device.memory.allocate(
            length, owner=self._adapter.name, purpose=purpose, alignment=alignment, cached=cached
        )
        if block is None:
            return None
        device.dma.allow(block)
        shared = SharedMemory(device.memory, block)
        self.shared.append(shared)
        return shared

    def free_shared(self, shared: SharedMemory) -> None:
        """Free what `allocate_shared` returned, once."""
        if shared not in self.shared:
            raise RuleViolation(
                "shm-double-free",
                f"{self._adapter.name} frees {shared!r}, which it has not allocated or freed before",
            )
        self.shared.remove(shared)
        # Nor could the host's mapping go while somebody looks at it.
        shared.words.release()
        self._adapter.device.dma.revoke(shared.block)
        self._adapter.device.memory.free(shared.block)

    def free_packets(self, pool: PacketPool) -> None:
        """Free a pool of packet descriptors, once."""
        if pool not in self.packet_pools:
            raise self._not_ours(pool)
        self.packet_pools.remove(pool)
        self._adapter.library.packet_pools.remove(pool)

    def free_buffers(self, pool: DescriptorPool) -> None:
        """Free a pool of buffer descriptors, once; each descriptor was freed before."""
        if pool not in self.buffer_pools:
            raise self._not_ours(pool)
        if out := pool.leaks():
            self._adapter.report(
                "pool-leak",
                f"NdisFreeBufferPool was called for {pool!r} before NdisFreeBuffer for {len(out)} of its buffers",
            )
        self.buffer_pools.remove(pool)

    def free_buffer(self, buffer: Mdl) -> None:
        """Free a descriptor that came from one of these pools, once."""
        if buffer.pool is None or buffer.pool not in self.buffer_pools:
            raise self._not_ours(buffer)
        buffer.pool.free(buffer, self._adapter)

    def free_lists(self, pool: NblPool) -> None:
        """Free a pool of NET_BUFFER_LISTs, once."""
        if pool not in self.nbl_pools:
            raise self._not_ours(pool)
        self.nbl_pools.remove(pool)
        self._adapter.library.nbl_pools.remove(pool)

    def _not_ours(self, what: object) -> RuleViolation:
        return RuleViolation(
            "mem-double-free", f"{self._adapter.name} frees {what!r}, which it has not allocated or freed before"
        )

    def schedule(self, routine: Callable[[], object], name: str) -> None:
        """Run `routine` at PASSIVE_LEVEL, unless the adapter ends before; what it raises stops the adapter."""
        adapter = self._adapter

        # An error names the driver's routine, not this wrapper.
        @functools.wraps(routine)
        async def run() -> object:
            if item not in self._work:
                return None
            self._work[item] = asyncio.current_task()
            try:
                result = routine()
                return await result if asyncio.iscoroutine(result) else result
            finally:
                self._work.pop(item, None)

        item = WorkItem(adapter.cpu, run, lambda error: adapter.bug_check(name, error), name=name)
        self._work[item] = None
        item.queue()

    def call_driver(self, irp: Irp, completion: Callable[[Irp], None] | None) -> None:
        """Send `irp` to the driver below the adapter; `completion` is not called any more once the adapter has ended."""
        adapter = self._adapter
        target = adapter.device.target
        if target is None:
            raise RuleViolation(
                "irp-no-target",
                f"{adapter.name} sends {irp!r}, but its device is a card; no driver is below to take it",
            )

        def completed(irp: Irp) -> None:
            self.irps.pop(irp, None)
            if (note := adapter.kernel.probe.event) is not None:
                note("irp", adapter.name, irp.information, f"{irp.major.name} {irp.status}")
            if completion is not None and adapter.alive:
                adapter.call("IoCompletionRoutine", lambda: completion(irp))

        irp.send(target, completed)
        self.irps[irp] = None

    def silence(self) -> None:
        """Let nothing of the driver run any more: no interrupt, no timer, no work item, no register access."""
        if self.interrupt is not None:
            self.interrupt.disconnect()
        for timer in self.timers:
            timer.silence()
        self.allocations.clear()
        for irp in tuple(self.irps):
            irp.cancel()
        work, self._work = self._work, {}
        for task in work.values():
            if task is not None:
                task.cancel()
        for unmap in self.unmaps:
            unmap()
        self.unmaps = []

    def release(self, *, ended: str = "") -> None:
        """Reclaim everything; what the driver should have given back before its entry point `ended` is reported first."""
        if ended:
            self._report_running(ended, halted=ended == self._adapter.halt_entry)
            self._report_kept(ended)
        self.silence()
        for shared in tuple(self.shared):
            self.free_shared(shared)
        for pool in tuple(self.packet_pools):
            self.free_packets(pool)
        for lists in tuple(self.nbl_pools):
            self.free_lists(lists)
        self.buffer_pools = []
        self.timers = []

    def _report_running(self, ended: str, *, halted: bool) -> None:
        """Report what may still call the driver, or come to it; of a start that fails NDIS looks at the timers alone."""
        report = self._adapter.report
        if halted and self.interrupt is not None and self.interrupt.connected:
            report("int-deregister-halt", f"{ended} returned without deregistering its interrupt")
        for timer in self.timers:
            if timer.is_set:
                report("timer-halt", f"{ended} returned while {timer!r}; cancel it there")
        if not halted:
            return
        for item in self._work:
            report("wi-outstanding-at-halt", f"{ended} returned while {item.name} had not ended; wait for it")
        for allocation in self.allocations:
            report("shm-async-halt-race", f"{ended} returned while {allocation!r} was on its way; wait for it")
        for irp in self.irps:
            report("irp-outstanding-at-halt", f"{ended} returned before {irp!r} was completed; wait for it")

    def _report_kept(self, ended: str) -> None:
        """Report memory and pools that the driver has kept."""
        report = self._adapter.report
        for shared in self.shared:
            report("shm-leak", f"{ended} returned without freeing the {shared.block}")
        for pool in (*self.packet_pools, *self.buffer_pools, *self.nbl_pools):
            report("pool-leak", f"{ended} returned without freeing {pool!r}")
