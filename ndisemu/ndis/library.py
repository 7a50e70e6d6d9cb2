"""NDIS.SYS of one host: its drivers, adapters and protocols, and their pools.

Drivers of each generation come to the same library; an adapter and a binding
are of the generation of their driver.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar, overload

from ndisemu.errors import BugCheck, UsageError, failure_of, rule_of
from ndisemu.frame.ethernet import HEADER
from ndisemu.kernel import DRIVER_ERRORS, Cpu, driver_name, run_in_time, run_passive, shown
from ndisemu.memory import HostMemory
from ndisemu.ndis.adapter import Adapter
from ndisemu.ndis.binding import BaseBinding, Named, binding_name
from ndisemu.ndis.co import binding as co_binding, miniport as co_miniport, protocol as co_protocol
from ndisemu.ndis.co.adapter import CoAdapter
from ndisemu.ndis.co.circuitadapter import CircuitAdapter
from ndisemu.ndis.co.v6 import binding as co_binding6, miniport as co_miniport6, protocol as co_protocol6
from ndisemu.ndis.co.v6.adapter import CoNblAdapter
from ndisemu.ndis.data.mdl import BufferPool
from ndisemu.ndis.data.nbl import NblPool
from ndisemu.ndis.data.packet import PacketPool
from ndisemu.ndis.ddi import check_entry_points
from ndisemu.ndis.device import Device
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.adapter import PacketAdapter
from ndisemu.ndis.v5.binding import Binding
from ndisemu.ndis.v5.miniport import Miniport
from ndisemu.ndis.v5.protocol import BindContext, Protocol
from ndisemu.ndis.v6 import binding as binding6, miniport as miniport6, protocol as protocol6
from ndisemu.ndis.v6.adapter import NblAdapter
from ndisemu.units import format_time

B = TypeVar("B", bound=BaseBinding)
CB = TypeVar("CB", co_binding.CoBinding, co_binding6.CoBinding)
# A protocol's bind entry point, and the wait for its end if it pends.
BindCall = tuple[Callable[[], object], Callable[[], object]]


class NdisLibrary:
    """One host's NDIS.

    `packet_pools` and `nbl_pools` are all that exist, so that every packet and
    every list can be found by its owner; their numbers are unique in a host.
    """

    def __init__(self, name: str, memory: HostMemory) -> None:
        self.name = name
        self.memory = memory
        self.adapters: dict[str, Adapter] = {}
        self.packet_pools: list[PacketPool] = []
        self.nbl_pools: list[NblPool] = []
        self._next_packet = 0
        self._next_nbl = 0
        self._last_cancel_id = 0

    def __repr__(self) -> str:
        return f"<NdisLibrary of {self.name}: {len(self.adapters)} adapters>"

    @overload
    def add_adapter(self, miniport: co_miniport.Miniport, device: Device) -> CoAdapter: ...

    @overload
    def add_adapter(self, miniport: co_miniport6.Miniport, device: Device) -> CoNblAdapter: ...

    @overload
    def add_adapter(self, miniport: Miniport, device: Device) -> PacketAdapter: ...

    @overload
    def add_adapter(self, miniport: miniport6.Miniport, device: Device) -> NblAdapter: ...

    def add_adapter(self, miniport: Miniport | miniport6.Miniport, device: Device) -> Adapter:
        """Register `miniport` for `device` (`NdisMRegisterMiniport` and AddDevice in one); it is not started."""
        check_entry_points(type(miniport))
        adapter = self._make_adapter(miniport, device)
        self.adapters[device.name] = adapter
        return adapter

    def _make_adapter(self, miniport: Miniport | miniport6.Miniport, device: Device) -> Adapter:
        if isinstance(miniport, co_miniport6.Miniport):
            return CoNblAdapter(self, miniport, device)
        if isinstance(miniport, miniport6.Miniport):
            return NblAdapter(self, miniport, device)
        if not isinstance(miniport, Miniport):
            raise UsageError(f"{type(miniport).__name__} is neither a v5.Miniport nor a v6.Miniport")
        if isinstance(miniport, co_miniport.Miniport):
            return CoAdapter(self, miniport, device)
        return PacketAdapter(self, miniport, device)

    @overload
    async def bind(self, protocol: Protocol, adapter: Adapter, cpu: Cpu) -> Binding: ...

    @overload
    async def bind(self, protocol: protocol6.Protocol, adapter: Adapter, cpu: Cpu) -> binding6.Binding: ...

    async def bind(
        self, protocol: Protocol | protocol6.Protocol, adapter: Adapter, cpu: Cpu
    ) -> Binding | binding6.Binding:
        """Offer `adapter` to `protocol`, while nothing flows: ProtocolBindAdapter(Ex) at PASSIVE_LEVEL.

        Returns the binding it opened; raises `BugCheck`, which says why, if it has opened none or does not keep it.
        """
        check_entry_points(type(protocol))
        if isinstance(adapter, CircuitAdapter):
            raise UsageError(f"{protocol.name} is connectionless and {adapter.name} has nothing but virtual circuits")
        opened: list[Binding | binding6.Binding] = []
        return await self._offer(protocol, adapter, cpu, self._bind_call(protocol, adapter, opened), opened)

    @overload
    async def bind_circuits(
        self, protocol: co_protocol.Protocol, adapter: Adapter, cpu: Cpu
    ) -> co_binding.CoBinding: ...

    @overload
    async def bind_circuits(
        self, protocol: co_protocol6.Protocol, adapter: Adapter, cpu: Cpu
    ) -> co_binding6.CoBinding: ...

    async def bind_circuits(
        self, protocol: co_protocol.Protocol | co_protocol6.Protocol, adapter: Adapter, cpu: Cpu
    ) -> co_binding.CoBinding | co_binding6.CoBinding:
        """Offer a connection-oriented adapter to a client or call manager, as `bind` does."""
        check_entry_points(type(protocol))
        if not isinstance(adapter, CircuitAdapter):
            raise UsageError(f"{protocol.name} is connection-oriented and {adapter.name} has no virtual circuits")
        opened: list[co_binding.CoBinding | co_binding6.CoBinding] = []
        return await self._offer(protocol, adapter, cpu, self._bind_circuits_call(protocol, adapter, opened), opened)

    async def _offer(self, protocol: Named, adapter: Adapter, cpu: Cpu, call: BindCall, opened: list[B]) -> B:
        """Call a protocol's bind entry point while nothing flows; what it has opened and does not keep is unbound."""
        adapter.kernel.drivers[binding_name(protocol.name, adapter)] = driver_name(protocol)
        await adapter.pause()
        try:
            refused = await _refusal(protocol.name, adapter, cpu, call)
            if not refused and opened:
                return opened[0]
            for binding in opened:
                await self.unbind(binding)
            why = refused or "its bind ended with NDIS_STATUS_SUCCESS and opened nothing"
            text = f"{protocol.name} did not bind to {adapter.name}: {why}"
            raise BugCheck(text, actor=adapter.name, driver=driver_name(protocol))
        finally:
            await adapter.restart()

    def _bind_call(
        self, protocol: Protocol | protocol6.Protocol, adapter: Adapter, opened: list[Binding | binding6.Binding]
    ) -> BindCall:
        """Return the call of the protocol's bind entry point; what it opens is entered in `opened`."""
        if isinstance(protocol, protocol6.Protocol):

            def open_adapter_ex() -> binding6.Binding:
                binding = binding6.Binding(protocol, adapter)
                opened.append(binding)
                self.open_adapter(binding)
                return binding

            mtu = adapter.maximum_total_size - HEADER
            parameters = protocol6.BindParameters(adapter.name, adapter.station_address, mtu)
            context6 = protocol6.BindContext(protocol.name, adapter, parameters, open_adapter_ex)
            return partial(protocol.bind_adapter, context6), context6.completed

        def open_adapter() -> Binding:
            binding = Binding(protocol, adapter)
            opened.append(binding)
            self.open_adapter(binding)
            return binding

        context = BindContext(protocol, adapter, open_adapter)
        return partial(protocol.bind_adapter, context), context.completed

    def _bind_circuits_call(
        self,
        protocol: co_protocol.Protocol | co_protocol6.Protocol,
        adapter: Adapter,
        opened: list[co_binding.CoBinding | co_binding6.CoBinding],
    ) -> BindCall:
        """Return the call of a client's or call manager's bind entry point; what it opens is entered in `opened`."""

        def note(binding: CB) -> CB:
            opened.append(binding)
            self.open_adapter(binding)
            return binding

        if isinstance(protocol, co_protocol6.Protocol) and isinstance(adapter, CoNblAdapter):
            make6 = partial(co_binding6.CoBinding, protocol, adapter)
            parameters = protocol6.BindParameters(
                adapter.name, adapter.station_address, adapter.maximum_total_size - HEADER
            )
            context6 = co_protocol6.BindContext(protocol.name, adapter, parameters, lambda: note(make6()))
            return partial(protocol.bind_adapter, context6), context6.completed
        if isinstance(protocol, co_protocol.Protocol) and isinstance(adapter, CoAdapter):
            make = partial(co_binding.CoBinding, protocol, adapter)
            context = co_protocol.BindContext(protocol.name, adapter, lambda: note(make()))
            return partial(protocol.bind_adapter, context), context.completed
        raise _generations_differ(protocol.name, adapter)

    async def unbind(self, binding: BaseBinding) -> None:
        """End a binding: ProtocolUnbindAdapter at PASSIVE_LEVEL, which closes it; NDIS closes it if that fails."""
        cpu = binding.adapter.cpu
        await binding.pause()
        try:
            await run_in_time(binding.unbind, cpu, "proto-watchdogs")
        except DRIVER_ERRORS as error:
            binding.adapter.kernel.withdraw(error)
            text = failure_of("ProtocolUnbindAdapter", error)
            binding.adapter.kernel.report(rule_of(error), binding.protocol.name, text, error, by=binding.name)
        if binding.is_open:
            await run_passive(binding.close, cpu)

    def open_adapter(self, binding: BaseBinding) -> None:
        """Open what NdisOpenAdapter(Ex) asks for."""
        binding.adapter.join(binding)
        binding.opened()

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

    def make_nbl_pool(self, name: str, owner: str, count: int) -> NblPool:
        """Make a pool of `count` lists, numbered on from the last."""
        pool = NblPool(name, owner, count, self._next_nbl)
        self._next_nbl += count
        self.nbl_pools.append(pool)
        return pool

    def make_buffer_pool(self, name: str, owner: str, count: int, size: int) -> BufferPool:
        """Make a pool of `count` buffers of `size` bytes in this host's memory."""
        return BufferPool(self.memory, name, owner, count, size)


def _generations_differ(name: str, adapter: Adapter) -> UsageError:
    return UsageError(
        f"{name} cannot bind to {adapter.name}, which speaks {adapter.generation}; "
        "protocol and miniport must be of one generation"
    )


async def _refusal(name: str, adapter: Adapter, cpu: Cpu, call: BindCall) -> str:
    """Call the bind entry point of the protocol `name`; returns why it has not succeeded, nothing if it has."""
    routine, completed = call
    kernel, entry, by = adapter.kernel, "ProtocolBindAdapter", binding_name(name, adapter)
    try:
        status = await run_in_time(routine, cpu, "proto-watchdogs")
        if status is Status.PENDING and (status := await run_passive(completed, cpu)) is None:
            why = f"{entry} returned NDIS_STATUS_PENDING and was not completed in {format_time(adapter.hang.patience)}"
            kernel.report("proto-bind-complete", name, f"{why}; complete the bind with its final status", by=by)
            return why
    except DRIVER_ERRORS as error:
        kernel.withdraw(error)
        why = failure_of(entry, error)
        kernel.report(rule_of(error), name, why, error, by=by)
        return why
    why = f"{entry} ended with {status if isinstance(status, Status) else shown(status)}"
    if not isinstance(status, Status) or status is Status.PENDING:
        text = f"{why}; it ends with a final Status, NDIS_STATUS_SUCCESS if the protocol keeps what it has opened"
        kernel.report("proto-bind-complete", name, text, by=by)
    return "" if status is Status.SUCCESS else why
