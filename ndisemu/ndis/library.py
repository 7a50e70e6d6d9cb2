"""NDIS.SYS of one host: its drivers, adapters and protocols, and their pools."""

from collections.abc import Callable
from typing import TypeVar

from ndisemu.errors import RuleViolation, UsageError
from ndisemu.kernel import DRIVER_ERRORS, Cpu, run_passive
from ndisemu.memory import HostMemory
from ndisemu.ndis.adapter import Adapter
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.co.adapter import CoAdapter
from ndisemu.ndis.co.binding import CoBinding
from ndisemu.ndis.co.miniport import Miniport as CoMiniport
from ndisemu.ndis.co.protocol import BindContext as CoBindContext, Protocol as CoProtocol
from ndisemu.ndis.data.mdl import BufferPool
from ndisemu.ndis.data.packet import PacketPool
from ndisemu.ndis.ddi import check_entry_points
from ndisemu.ndis.device import Device
from ndisemu.ndis.states import BindingState
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.adapter import PacketAdapter
from ndisemu.ndis.v5.binding import Binding
from ndisemu.ndis.v5.miniport import Miniport
from ndisemu.ndis.v5.protocol import BindContext, Protocol

B = TypeVar("B", bound=BaseBinding)


class NdisLibrary:
    """One host's NDIS.

    `packet_pools` are all that exist, so that every packet can be found by its
    owner; packet numbers are unique in a host.
    """

    def __init__(self, name: str, memory: HostMemory) -> None:
        self.name = name
        self.memory = memory
        self.adapters: dict[str, Adapter] = {}
        self.packet_pools: list[PacketPool] = []
        self._next_packet = 0

    def __repr__(self) -> str:
        return f"<NdisLibrary of {self.name}: {len(self.adapters)} adapters>"

    def add_adapter(self, miniport: Miniport, device: Device) -> PacketAdapter:
        """Register `miniport` for `device` (`NdisMRegisterMiniport` and AddDevice in one); it is not started."""
        if not isinstance(miniport, Miniport):
            raise UsageError(f"{type(miniport).__name__} is not a v5.Miniport")
        if isinstance(miniport, CoMiniport):
            return self._add_co_adapter(miniport, device)
        if not miniport.deserialized:
            raise UsageError(
                f"{type(miniport).__name__} is serialized; this version runs deserialized miniports (deserialized = True)"
            )
        check_entry_points(type(miniport))
        adapter = PacketAdapter(self, miniport, device)
        self.adapters[device.name] = adapter
        return adapter

    def _add_co_adapter(self, miniport: CoMiniport, device: Device) -> CoAdapter:
        """Register a connection-oriented miniport, which is deserialized by definition (seed 003)."""
        if not miniport.deserialized:
            raise RuleViolation(
                "co-deserialized",
                f"{type(miniport).__name__} is connection-oriented and says that it is serialized; "
                "connection-oriented miniports are deserialized (deserialized = True)",
            )
        check_entry_points(type(miniport))
        adapter = CoAdapter(self, miniport, device)
        self.adapters[device.name] = adapter
        return adapter

    async def bind(self, protocol: Protocol, adapter: Adapter, cpu: Cpu) -> Binding | None:
        """Offer `adapter` to `protocol`: ProtocolBindAdapter at PASSIVE_LEVEL; returns the binding it opened, if any."""
        if isinstance(adapter, CoAdapter):
            raise UsageError(f"{protocol.name} is connectionless and {adapter.name} has nothing but virtual circuits")
        check_entry_points(type(protocol))
        opened: list[Binding] = []

        def open_adapter() -> Binding:
            opened.append(self.open_adapter(protocol, adapter))
            return opened[0]

        context = BindContext(adapter.name, open_adapter)
        return await self._offer(protocol.name, adapter, cpu, lambda: protocol.bind_adapter(context), opened)

    async def bind_circuits(self, protocol: CoProtocol, adapter: Adapter, cpu: Cpu) -> CoBinding | None:
        """Offer a connection-oriented adapter to a client or call manager; returns the binding it opened, if any."""
        if not isinstance(adapter, CoAdapter):
            raise UsageError(f"{protocol.name} is connection-oriented and {adapter.name} has no virtual circuits")
        check_entry_points(type(protocol))
        opened: list[CoBinding] = []

        def open_adapter() -> CoBinding:
            binding = CoBinding(protocol, adapter)
            opened.append(binding)
            binding.opened()
            adapter.join(binding)
            return binding

        context = CoBindContext(adapter.name, open_adapter)
        return await self._offer(protocol.name, adapter, cpu, lambda: protocol.bind_adapter(context), opened)

    async def _offer(
        self, name: str, adapter: Adapter, cpu: Cpu, routine: Callable[[], object], opened: list[B]
    ) -> B | None:
        """Call ProtocolBindAdapter; what it has opened and does not keep is unbound again."""
        try:
            status = await run_passive(routine, cpu)
        except DRIVER_ERRORS as error:
            adapter.kernel.report("bugcheck", name, f"ProtocolBindAdapter raised {error!r}", error)
            status = Status.FAILURE
        if status is Status.SUCCESS and opened:
            return opened[0]
        for binding in opened:
            await self.unbind(binding)
        return None

    async def unbind(self, binding: BaseBinding) -> None:
        """End a binding: ProtocolUnbindAdapter at PASSIVE_LEVEL, which closes it; NDIS closes it if that fails."""
        cpu = binding.adapter.cpu
        try:
            await run_passive(binding.unbind, cpu)
        except DRIVER_ERRORS as error:
            binding.adapter.kernel.report(
                "bugcheck", binding.protocol.name, f"ProtocolUnbindAdapter raised {error!r}", error
            )
        if binding.state.current is BindingState.OPEN:
            await run_passive(binding.close, cpu)

    def open_adapter(self, protocol: Protocol, adapter: Adapter) -> Binding:
        """Make the binding that NdisOpenAdapter asks for."""
        binding = Binding(protocol, adapter)
        adapter.join(binding)
        binding.opened()
        return binding

    def make_packet_pool(self, name: str, owner: str, count: int) -> PacketPool:
        """Make a pool of `count` packet descriptors, numbered on from the last."""
        pool = PacketPool(name, owner, count, self._next_packet)
        self._next_packet += count
        self.packet_pools.append(pool)
        return pool

    def make_buffer_pool(self, name: str, owner: str, count: int, size: int) -> BufferPool:
        """Make a pool of `count` buffers of `size` bytes in this host's memory."""
        return BufferPool(self.memory, name, owner, count, size)
