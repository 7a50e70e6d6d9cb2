"""NDIS.SYS of one host: its drivers, adapters and protocols, and their pools."""

from ndisemu.errors import UsageError
from ndisemu.kernel import DRIVER_ERRORS, Cpu, run_passive
from ndisemu.memory import HostMemory
from ndisemu.ndis.adapter import Adapter
from ndisemu.ndis.binding import BaseBinding
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
        self._last_cancel_id = 0

    def __repr__(self) -> str:
        return f"<NdisLibrary of {self.name}: {len(self.adapters)} adapters>"

    def add_adapter(self, miniport: Miniport, device: Device) -> PacketAdapter:
        """Register `miniport` for `device` (`NdisMRegisterMiniport` and AddDevice in one); it is not started."""
        if not isinstance(miniport, Miniport):
            raise UsageError(f"{type(miniport).__name__} is not a v5.Miniport")
        check_entry_points(type(miniport))
        adapter = PacketAdapter(self, miniport, device)
        self.adapters[device.name] = adapter
        return adapter

    async def bind(self, protocol: Protocol, adapter: Adapter, cpu: Cpu) -> Binding | None:
        """Offer `adapter` to `protocol`: ProtocolBindAdapter at PASSIVE_LEVEL; returns the binding it opened, if any."""
        check_entry_points(type(protocol))
        opened: list[Binding] = []

        def open_adapter() -> Binding:
            opened.append(self.open_adapter(protocol, adapter))
            return opened[0]

        context = BindContext(adapter.name, open_adapter)
        try:
            status = await run_passive(lambda: protocol.bind_adapter(context), cpu)
        except DRIVER_ERRORS as error:
            adapter.kernel.report("bugcheck", protocol.name, f"ProtocolBindAdapter raised {error!r}", error)
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

    def generate_partial_cancel_id(self) -> int:
        """Return a high byte for a protocol's cancel ids, so that those of two protocols differ.

        `NdisGeneratePartialCancelId`; 1 to 255 in turn, never 0, which marks packets that cannot be cancelled.
        """
        self._last_cancel_id = self._last_cancel_id % 255 + 1
        return self._last_cancel_id

    def make_packet_pool(self, name: str, owner: str, count: int) -> PacketPool:
        """Make a pool of `count` packet descriptors, numbered on from the last."""
        pool = PacketPool(name, owner, count, self._next_packet)
        self._next_packet += count
        self.packet_pools.append(pool)
        return pool

    def make_buffer_pool(self, name: str, owner: str, count: int, size: int) -> BufferPool:
        """Make a pool of `count` buffers of `size` bytes in this host's memory."""
        return BufferPool(self.memory, name, owner, count, size)
