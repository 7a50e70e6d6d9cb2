"""A host: CPUs, memory, NDIS, and the cards in its slots."""

from collections.abc import Callable, Mapping
from typing import overload

from ndisemu.errors import BugCheck, UsageError
from ndisemu.hw import Nic
from ndisemu.kernel import Costs, Cpu, InterruptLine, Kernel
from ndisemu.link import StreamDevice
from ndisemu.machine.application import USUAL_FILTER, Application, ApplicationProtocol
from ndisemu.machine.slot import BaseSlot, Slot
from ndisemu.machine.stream import StreamSlot
from ndisemu.memory import DmaSpace, HostMemory
from ndisemu.ndis import Adapter, Device, NdisLibrary, PacketFilter, co, v5, v6, wdm_device

MEBIBYTE = 1 << 20


class Host:
    """One emulated computer.

    `number`, from 0, makes its cards' default addresses: 02:00:00, two bytes of host and one of NIC, both from 1.
    `costs` is what its CPUs' work takes, None: nothing. `watch` is told of every NIC that is put in.
    """

    def __init__(
        self,
        kernel: Kernel,
        name: str,
        number: int,
        *,
        cpus: int = 1,
        memory: int = 64 * MEBIBYTE,
        costs: Costs | None = None,
        watch: Callable[[BaseSlot], None] | None = None,
    ) -> None:
        if not 1 <= cpus <= 64:
            raise UsageError(f"host {name} must have 1 to 64 CPUs, not {cpus}")
        self.kernel = kernel
        self.name = name
        self.number = number
        self.costs = costs
        self._watch = watch
        self.memory = HostMemory(name, memory)
        self.ndis = NdisLibrary(name, self.memory)
        self.slots: dict[str, Slot] = {}
        self.streams: dict[str, StreamSlot] = {}
        settlers: list[Callable[[], None]] = []
        self.cpus = tuple(Cpu(kernel, f"{name}.cpu{place}", settlers, costs) for place in range(cpus))

    def __repr__(self) -> str:
        return f"<Host {self.name}: {len(self.cpus)} CPUs, {', '.join(self._nics()) or 'no cards'}>"

    def nic(
        self,
        name: str,
        miniport: Callable[[], v5.Miniport | v6.Miniport],
        *,
        mac: bytes | None = None,
        mtu: int = 1500,
        parameters: Mapping[str, int] | None = None,
        shares_line_with: str | None = None,
        cpu: int = 0,
        dpc_cpu: int | None = None,
    ) -> Slot:
        """Put a card into this host, with a driver class (or another callable that makes the driver).

        `parameters` are what the driver reads from its configuration, such as `tx_ring`. The card gets an interrupt
        line of its own, served by the CPU of number `cpu`, or that of the NIC named by `shares_line_with`. The DPC
        behind an interrupt runs there, too, unless `dpc_cpu` says where.
        """
        self._check_new(name)
        full_name = f"{self.name}.{name}"
        address = mac or self._usual_address()
        line = InterruptLine(self._cpu(cpu), f"{full_name} interrupt")
        if shares_line_with is not None:
            line = self._line(shares_line_with)
        target = None if dpc_cpu is None else self._cpu(dpc_cpu)
        dma = DmaSpace(self.memory, full_name)
        nic = Nic(self.kernel, full_name, address, dma=dma, line=line, settlers=line.cpu.settlers)
        known = {"mtu": mtu, **(parameters or {})}
        device = Device(full_name, nic, line, dma, self.memory, line.cpu, known, self.cpus, dpc_cpu=target)
        slot = Slot(self, nic, line, self.ndis.add_adapter(miniport(), device), mtu)
        self.slots[name] = slot
        if self._watch is not None:
            self._watch(slot)
        return slot

    def stream_nic(
        self,
        name: str,
        miniport: Callable[[], v5.Miniport | v6.Miniport],
        *,
        mac: bytes | None = None,
        mtu: int = 1500,
        parameters: Mapping[str, int] | None = None,
    ) -> StreamSlot:
        """Give this host a NIC without a card: a miniport with a WDM lower edge, over a device that carries a stream.

        As there is no EEPROM, the driver reads its address from the parameter `network_address`.
        """
        self._check_new(name)
        full_name = f"{self.name}.{name}"
        address = mac or self._usual_address()
        device = StreamDevice(full_name, self.cpus[0])
        known = {"mtu": mtu, "network_address": int.from_bytes(address, "big"), **(parameters or {})}
        seen = wdm_device(full_name, device, self.memory, self.cpus[0], known)
        slot = StreamSlot(self, device, self.ndis.add_adapter(miniport(), seen), address)
        self.streams[name] = slot
        if self._watch is not None:
            self._watch(slot)
        return slot

    async def start(self, name: str) -> Adapter:
        """Initialize the adapter of a NIC unless it runs; raises `BugCheck` if its driver does not start."""
        slot = self._slot(name)
        adapter = slot.adapter
        async with slot.starting:
            if adapter.startable:
                await adapter.initialize()
        if not adapter.running:
            reasons = [finding.text for finding in self.kernel.findings if finding.actor == adapter.name]
            text = f"{adapter.name} does not run: {'; '.join(reasons) or adapter.state.current.value}"
            raise BugCheck(text, actor=adapter.name)
        return adapter

    @overload
    async def bind_protocol(self, name: str, protocol: v5.Protocol, *, cpu: int = 0) -> v5.Binding: ...

    @overload
    async def bind_protocol(self, name: str, protocol: v6.Protocol, *, cpu: int = 0) -> v6.Binding: ...

    async def bind_protocol(
        self, name: str, protocol: v5.Protocol | v6.Protocol, *, cpu: int = 0
    ) -> v5.Binding | v6.Binding:
        """Bind a protocol driver to a NIC, starting its adapter if need be."""
        chosen = self._cpu(cpu)
        adapter = await self.start(name)
        return await self.ndis.bind(protocol, adapter, chosen)

    @overload
    async def bind_circuits(self, name: str, protocol: co.Protocol, *, cpu: int = 0) -> co.CoBinding: ...

    @overload
    async def bind_circuits(self, name: str, protocol: co.v6.Protocol, *, cpu: int = 0) -> co.v6.CoBinding: ...

    async def bind_circuits(
        self, name: str, protocol: co.Protocol | co.v6.Protocol, *, cpu: int = 0
    ) -> co.CoBinding | co.v6.CoBinding:
        """Bind a client or a call manager to a NIC whose driver is connection-oriented, starting it if need be."""
        chosen = self._cpu(cpu)
        adapter = await self.start(name)
        return await self.ndis.bind_circuits(protocol, adapter, chosen)

    async def bind(self, name: str, *, cpu: int = 0, packet_filter: PacketFilter = USUAL_FILTER) -> Application:
        """Bind the asyncio-facing protocol to a NIC: send and receive from tasks."""
        chosen = self._cpu(cpu)
        protocol = ApplicationProtocol(f"application of {self.name}", chosen, packet_filter)
        binding = await self.bind_protocol(name, protocol, cpu=cpu)
        return Application(protocol, binding, chosen)

    async def halt(self) -> None:
        """Halt every adapter, last first."""
        for slot in reversed(self._nics().values()):
            await slot.adapter.halt()

    def close(self) -> None:
        """Give the memory back; nothing of the host may be used afterwards."""
        self.memory.close()

    def _usual_address(self) -> bytes:
        """Return the address of the next card that is given none: locally administered, by host and slot."""
        slot, slot_low = divmod(len(self._nics()) + 1, 256)
        return bytes((2, 0, slot, *divmod(self.number + 1, 256), slot_low))

    def _cpu(self, number: int) -> Cpu:
        if not 0 <= number < len(self.cpus):
            raise UsageError(f"host {self.name} has no CPU {number}; its CPUs are 0 to {len(self.cpus) - 1}")
        return self.cpus[number]

    def _slot(self, name: str) -> BaseSlot:
        nics = self._nics()
        if name not in nics:
            raise UsageError(f"host {self.name} has no NIC named {name}; it has {', '.join(nics) or 'none'}")
        return nics[name]

    def _line(self, name: str) -> InterruptLine:
        """Return the interrupt line of a card."""
        slot = self._slot(name)
        if not isinstance(slot, Slot):
            raise UsageError(f"{slot.name} is no card and has no interrupt line to share")
        return slot.line

    def _nics(self) -> dict[str, BaseSlot]:
        """Return the NICs of both kinds: cards first, then streams."""
        return {**self.slots, **self.streams}

    def _check_new(self, name: str) -> None:
        if name in self._nics():
            raise UsageError(f"host {self.name} has a NIC named {name} already")
