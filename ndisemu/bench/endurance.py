"""Endurance: faults at full load, in both directions, at moments that a seed chooses.

Two hosts send to each other as fast as the wire goes, and keep some of what
they receive for a while. In the middle of it one adapter is reset or pulled
out; half of the seeds also shuffle the order of work. What must hold
whatever the moment: every packet submitted comes back exactly once, every
buffer lent comes home, the books balance, and no rule is broken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from random import Random
from typing import Final

from ndisemu import Emulation, RingMiniport
from ndisemu.kernel import SeededRandom, run_passive, sleep
from ndisemu.machine import Slot
from ndisemu.ndis import Adapter, Device, Oid, Packet, PacketFilter, Status
from ndisemu.ndis.device import Registers
from ndisemu.ndis.states import AdapterState
from ndisemu.ndis.v5 import BindContext, Binding, Protocol

PACKETS: Final = 192
BURST: Final = 64
SIZES: Final = (60, 60, 60, 590, 1514)
# The fault comes at a moment of the first half of the load, in ns.
LATEST: Final = 1_000_000
# How long received packets are kept, and how long one waits who was refused, in ns.
A_WHILE: Final = 20_000
RING: Final = {"tx_ring": 64, "rx_ring": 64}


class Fault(Enum):
    """What happens to an adapter at full load."""

    NONE = "nothing"
    RESET = "a reset from outside"
    PROTOCOL_RESET = "NdisReset"
    SURPRISE_REMOVAL = "a surprise removal"


class Talker(Protocol):
    """Sends `frames` frames to `peer` with all packets it has, and keeps some of what it receives for a while."""

    name = "talker"

    def __init__(self, random: Random, peer: bytes, frames: int) -> None:
        self._random = random
        self._peer = peer
        self.left = frames
        self.received = 0
        self.reset_statuses: list[Status] = []
        self.ends: dict[Status, int] = {}
        self.mistakes: list[str] = []
        self._free: list[Packet] = []
        self._out: dict[Packet, None] = {}
        self._held: list[Packet] = []
        self.binding: Binding

    async def bind_adapter(self, context: BindContext) -> Status:
        """Open the adapter, make packets, open the filter."""
        self.binding = context.open_adapter()
        self._free = self.binding.allocate_packets(PACKETS, max(SIZES))
        self._later = self.binding.initialize_timer(self._go_on)
        types = PacketFilter.DIRECTED | PacketFilter.BROADCAST
        await self.binding.set(Oid.GEN_CURRENT_PACKET_FILTER, types.to_bytes(4, "little"))
        self._later.set(0)
        return Status.SUCCESS

    async def unbind_adapter(self, binding: Binding) -> None:
        """Send no more, give back what is held, close."""
        self.left = 0
        self._later.cancel()
        self._give_back()
        await binding.close()

    def send_complete(self, binding: Binding, packets: Sequence[Packet], status: Status) -> None:
        """Take packets back, each of which must be out; send on, a little later if this was refused."""
        for packet in packets:
            if packet not in self._out:
                self.mistakes.append(f"{packet!r} came back twice")
            self._out.pop(packet, None)
        self._free += packets
        self.ends[status] = self.ends.get(status, 0) + len(packets)
        self._later.set(0 if status is Status.SUCCESS else A_WHILE)

    def receive_packets(self, binding: Binding, packets: Sequence[Packet]) -> int:
        """Keep every other burst for a while."""
        self.received += len(packets)
        if self._random.randrange(2):
            return 0
        self._held += packets
        self._later.set(A_WHILE)
        return 1

    def reset_complete(self, binding: Binding, status: Status) -> None:
        """Note how a reset ended."""
        self.reset_statuses.append(status)

    def status(self, binding: Binding, code: Status, buffer: bytes) -> None:
        """Send no more when the link is gone."""
        if code is Status.MEDIA_DISCONNECT:
            self.left = 0

    @property
    def out(self) -> int:
        """How many packets have not come back."""
        return len(self._out)

    def _go_on(self) -> None:
        self._give_back()
        while self._free and self.left:
            count = min(len(self._free), self.left, self._random.randint(1, BURST))
            packets, self._free = self._free[:count], self._free[count:]
            header = self._peer + self.binding.adapter.station_address + b"\x88\xb5"
            for packet in packets:
                packet.fill(header.ljust(self._random.choice(SIZES), b"\xa5"))
                self._out[packet] = None
            self.left -= count
            self.binding.send_packets(packets)

    def _give_back(self) -> None:
        held, self._held = self._held, []
        if held:
            self.binding.return_packets(held)


class Removable:
    """A card's registers that can be pulled out: from then on they read as ones and nothing can be written."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._gone = False

    def mmio_read(self, offset: int, width: int = 4) -> int:
        """Read a register."""
        return (1 << 8 * width) - 1 if self._gone else self._registers.mmio_read(offset, width)

    def mmio_write(self, offset: int, value: int, width: int = 4) -> None:
        """Write a register."""
        if not self._gone:
            self._registers.mmio_write(offset, value, width)

    def power_off(self) -> None:
        """Stop everything."""
        self._registers.power_off()

    def remove(self) -> None:
        """Pull the card out."""
        self._gone = True
        self._registers.power_off()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run: how sends ended on both hosts together, and what was wrong."""

    ends: Mapping[Status, int]
    received: int
    wrong: tuple[str, ...]


async def endure(seed: int, fault: Fault, frames: int = 2000) -> Outcome:
    """Run one seed under virtual time; `wrong` of the outcome must be empty."""
    random = Random(f"endurance/{seed}/{fault.name}")
    strategy = SeededRandom(Random(f"order/{seed}")) if seed % 2 else None
    async with Emulation(seed=seed, strategy=strategy, warn=False) as emu:
        hosts = [emu.host(name, cpus=1 + seed % 3) for name in ("a", "b")]
        slots = [host.nic("eth0", RingMiniport, parameters=RING) for host in hosts]
        card = Removable(slots[0].nic)
        slots[0].adapter.device = _with_registers(slots[0].adapter.device, card)
        emu.connect(*slots, delay="2us")
        talkers = [Talker(random, peer.nic.mac, frames) for peer in reversed(slots)]
        for host, talker in zip(hosts, talkers, strict=True):
            await host.bind_protocol("eth0", talker)
        moment = random.randrange(LATEST)
        await run_passive(lambda: _wait(slots[0].adapter, moment), hosts[0].cpus[0])
        wrong = await _strike(fault, slots[0], talkers[0], card)
        await emu.idle()
        for slot, talker in zip(slots, talkers, strict=True):
            wrong += _judge(slot, talker, gone=fault is Fault.SURPRISE_REMOVAL)
    wrong += [f"{finding.rule}: {finding.text}" for finding in emu.findings]
    wrong += [f"{host.name} kept the {block}" for host in hosts for block in host.memory.blocks]
    ends: dict[Status, int] = {}
    for talker in talkers:
        for status, count in talker.ends.items():
            ends[status] = ends.get(status, 0) + count
    return Outcome(ends, sum(talker.received for talker in talkers), tuple(wrong))


async def _wait(adapter: Adapter, ns: int) -> None:
    await sleep(adapter.kernel, ns)


async def _strike(fault: Fault, slot: Slot, talker: Talker, card: Removable) -> list[str]:
    """Let the fault happen; returns what is wrong at once."""
    adapter = slot.adapter
    if fault is Fault.RESET:
        status = await adapter.reset()
        return [] if status is Status.SUCCESS else [f"the reset ended with {status}"]
    if fault is Fault.PROTOCOL_RESET:
        asked = [await run_passive(talker.binding.reset, adapter.cpu) for _ in range(2)]
        return [] if asked == [Status.PENDING, Status.RESET_IN_PROGRESS] else [f"NdisReset returned {asked}"]
    if fault is Fault.SURPRISE_REMOVAL:
        card.remove()
        if slot.cable is not None:
            slot.cable.unplug()
        await adapter.surprise_remove()
        return [] if adapter.state.current is AdapterState.HALTED else [repr(adapter)]
    return []


def _judge(slot: Slot, talker: Talker, *, gone: bool) -> list[str]:
    """Say what does not balance, now that nothing happens any more."""
    sends, receives, driver = slot.adapter.sends, slot.adapter.receives, slot.adapter.miniport
    checks = {
        "nothing is left to send": not talker.left,
        "every packet came back": not talker.out and not sends.in_flight,
        "NDIS and the protocol count the same ends": sum(talker.ends.values()) == sends.submitted,
        "every buffer came home": receives.indicated == receives.returned,
        "frames got across": gone or talker.received > 0,
    }
    if isinstance(driver, RingMiniport) and slot.adapter.running:
        checks["ring + free = pool"] = sum(driver.rx.books) == len(driver.rx.pool.empty)
    return [f"{slot.name}: not so: {text}" for text, holds in checks.items() if not holds] + talker.mistakes


def _with_registers(device: Device, registers: Registers) -> Device:
    return replace(device, registers=registers)
