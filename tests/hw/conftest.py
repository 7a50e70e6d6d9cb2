"""Cards on a bench: a host with rings and buffers but no driver, and a cable with a listener or a second card.

A test plays the driver: it writes descriptors and registers, lets time pass, and looks at memory.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Final

import pytest

from ndisemu.hw import Nic, registers as reg
from ndisemu.kernel import Cpu, InterruptLine, Kernel
from ndisemu.link import Cable
from ndisemu.memory import Block, DescriptorRing, DmaSpace, HostMemory

COUNT: Final = 32
SLOT: Final = 2048
PERIOD: Final = 672
"""What a 60-byte frame and its gap take at 1 Gbit/s."""

LAST_BIT: Final = 576
"""When the last bit of a 60-byte frame arrives, at 1 Gbit/s."""

RECEIVE: Final = reg.RCTL_EN | reg.RCTL_SECRC | reg.RCTL_UPE | reg.RCTL_BAM
LAST: Final = reg.TX_EOP | reg.TX_RS


def frame(number: int, length: int = 60, to: bytes = b"\x02\x00\x00\x00\x00\x62") -> bytes:
    """Make a frame that tells its number and has no two bytes alike in a row."""
    body = bytes((number + place) % 251 for place in range(length))
    return (to + b"\x02\x00\x00\x00\x00\x61\x88\xb5" + body)[:length]


class Listener:
    """The far end of a cable without a card: frames and times that reach it."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.times: list[int] = []

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Note down a burst."""
        self.frames += frames
        self.times += times

    def carrier(self, *, up: bool) -> None:
        """Stay as it is."""


class Host:
    """One host with one card: its rings have `COUNT` descriptors, and each has a buffer of `SLOT` bytes."""

    def __init__(self, kernel: Kernel, name: str, *, cpu: Cpu | None, line: InterruptLine | None) -> None:
        self.kernel = kernel
        self.cpu = cpu or Cpu(kernel, f"{name}.cpu0")
        self.line = line or InterruptLine(self.cpu, f"{name}.irq")
        self.memory = HostMemory(name, 1 << 18)
        self.dma = DmaSpace(self.memory, f"{name}.eth0")
        mac = b"\x02\x00\x00\x00\x00" + name.encode()
        self.nic = Nic(kernel, f"{name}.eth0", mac, dma=self.dma, line=self.line, settlers=self.cpu.settlers)
        self.read = self.nic.mmio_read
        self.write = self.nic.mmio_write
        self.rx_block = self.shared(16 * COUNT, "receive ring", 128)
        self.tx_block = self.shared(16 * COUNT, "transmit ring", 128)
        self.rx_buffers = self.shared(SLOT * COUNT, "receive buffers", SLOT)
        self.tx_buffers = self.shared(SLOT * COUNT, "transmit buffers", SLOT)
        self.rx_ring = self.ring(self.rx_block)
        self.tx_ring = self.ring(self.tx_block)
        self.tx_next = 0
        self.rx_next = 0

    def shared(self, length: int, purpose: str, alignment: int = 64) -> Block:
        """Allocate memory that the card may read and write."""
        block = self.memory.allocate(length, owner=self.memory.name, purpose=purpose, alignment=alignment)
        assert block is not None
        self.dma.allow(block)
        return block

    def ring(self, block: Block) -> DescriptorRing:
        """Look at a block as descriptors."""
        return DescriptorRing(self.memory.words[block.address >> 3 : block.end >> 3])

    def start(self, *, rctl: int = RECEIVE, tctl: int = reg.TCTL_EN | reg.TCTL_PSP, buffers: int = COUNT - 1) -> None:
        """Do what a driver does when it initializes: rings, buffers, engines, link."""
        for place in range(COUNT):
            self.rx_ring.write(place, [self.rx_buffers.address + SLOT * place, 0])
        self.write(reg.RDBAL, self.rx_block.address)
        self.write(reg.RDLEN, self.rx_block.length)
        self.write(reg.RDT, buffers)
        self.write(reg.TDBAL, self.tx_block.address)
        self.write(reg.TDLEN, self.tx_block.length)
        self.write(reg.CTRL, reg.CTRL_FD | reg.CTRL_SLU)
        self.write(reg.RCTL, rctl)
        self.write(reg.TCTL, tctl)

    def load(self, place: int, data: bytes, command: int) -> int:
        """Fill the transmit buffer and the descriptor at `place` of the ring; returns the buffer's address."""
        address = self.tx_buffers.address + SLOT * (place % COUNT)
        self.memory.map[address : address + len(data)] = data
        self.tx_ring.write(place % COUNT, [address, len(data) | command])
        return address

    def send(self, *frames: bytes, command: int = LAST) -> None:
        """Hand frames to the card, one descriptor each, and ring the doorbell once."""
        for data in frames:
            self.load(self.tx_next, data, command)
            self.tx_next = (self.tx_next + 1) % COUNT
        self.write(reg.TDT, self.tx_next)

    def sent(self) -> list[bool]:
        """Tell for each transmit descriptor whether DD is set."""
        return [bool(word & reg.TX_DD) for word in self.tx_ring.read_status(0, COUNT)]

    def received(self) -> list[bytes]:
        """Take what has arrived since last time, a frame from each descriptor that has DD."""
        frames = []
        while (status := self.rx_ring.read_status(self.rx_next, 1)[0]) & reg.RX_DD:
            assert status & reg.RX_EOP
            address = self.rx_buffers.address + SLOT * self.rx_next
            frames.append(self.memory.map[address : address + (status & reg.RX_LENGTH)])
            self.rx_ring.write_status(self.rx_next, array("Q", [0]))
            self.rx_next = (self.rx_next + 1) % COUNT
        return frames

    def arrive(self, *frames: bytes, at: int = 0, every: int = 0) -> None:
        """Let frames arrive from the link in one burst, the first at `at` and the next `every` so often."""
        self.nic.arrive(list(frames), [at + every * place for place in range(len(frames))])

    def run(self, until: int) -> None:
        """Let time pass, up to and including `until`; the card must come to rest by itself."""
        self.kernel.call_at(until, lambda: None)
        assert not self.kernel.run(until, 100_000)
        assert self.kernel.now == until

    def interrupting(self) -> bool:
        """Tell whether the card asserts its line."""
        return self.line.asserted

    def findings(self) -> list[tuple[str, str]]:
        """Return the rules that were broken, and by whom."""
        return [(finding.rule, finding.actor) for finding in self.kernel.findings]


class Bench:
    """One clock, and the hosts and cables of a test."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.hosts: list[Host] = []

    def close(self) -> None:
        """Give the hosts' memory back."""
        for host in self.hosts:
            host.memory.close()

    def host(self, name: str, *, cpu: Cpu | None = None, line: InterruptLine | None = None) -> Host:
        """Add a host of one letter; with another one's CPU and line, it is that one's second card."""
        host = Host(self.kernel, name, cpu=cpu, line=line)
        self.hosts.append(host)
        return host

    def cable(self, *, rate: int | None = 1_000_000_000, delay: int = 0, mtu: int = 1500) -> Cable:
        """Add a cable, not plugged in yet."""
        return Cable("c", lambda: self.kernel.now, rate=rate, delay=delay, mtu=mtu)

    def listen(self, host: Host, cable: Cable) -> Listener:
        """Plug a host into end a and a listener into end b."""
        listener = Listener()
        host.nic.plug(cable.a)
        cable.plug(host.nic, listener)
        return listener

    def connect(self, a: Host, b: Host, cable: Cable) -> None:
        """Plug a host into each end."""
        a.nic.plug(cable.a)
        b.nic.plug(cable.b)
        cable.plug(a.nic, b.nic)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Give an empty bench, and close its hosts' memory afterwards."""
    with closing(Bench()) as bench:
        yield bench


@pytest.fixture
def host(bench: Bench) -> Host:
    """Give a host whose card is reset and has no cable."""
    return bench.host("h")


@pytest.fixture
def receiver(host: Host) -> Host:
    """Give a host whose card is ready to receive."""
    host.start()
    return host


@pytest.fixture
def wire(bench: Bench, host: Host) -> Listener:
    """Give the far end of a gigabit cable on a host whose card is ready to send."""
    listener = bench.listen(host, bench.cable())
    host.start()
    return listener


@pytest.fixture
def pair(bench: Bench) -> tuple[Host, Host]:
    """Give two hosts on a gigabit cable, ready to send and receive."""
    a, b = bench.host("a"), bench.host("b")
    bench.connect(a, b, bench.cable())
    a.start()
    b.start()
    return a, b


def serviced(host: Host, routine: Callable[[int], None]) -> None:
    """Connect a service routine that reads ICR and hands it on."""

    def service() -> bool:
        causes = host.read(reg.ICR)
        routine(causes)
        return bool(causes)

    host.line.connect(service)
