"""Two hosts and the way between them, with four copies of every frame and four changes of ownership.

Sender's protocol -> packet -> TX ring -> card -> link -> card -> RX ring ->
interrupt -> DPC -> receiver's protocol, and every packet back to whose it
was. Each step is a plain call on one queue, first in, first out. One burst
is under way at a time, so that bursts do not grow together on their way.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import cycle
from mmap import mmap
from random import Random
from time import process_time_ns
from typing import Final

from benchmarks.reference.ring import COUNT, WORDS, Packet, Ring, RunRing

BUFFER: Final = 2048
# From bursts of this size on whole runs of descriptors are the faster way.
RUN: Final = 20
# As many different frames are sent in turn, so one that is late or twice there is not taken for another.
DIFFERENT: Final = 251
_RINGS: Final = 2 * 8 * WORDS

Queue = deque[Callable[[], None]]


class PathError(Exception):
    """A frame was altered or lost, or a packet was touched by somebody who did not own it."""


def hand_over(packets: list[Packet], giver: str, taker: str) -> None:
    """Make `packets`, which must be the giver's, the taker's."""
    for packet in packets:
        if packet.owner != giver:
            raise PathError(f"{packet!r} was handed over by the {giver}")
        packet.owner = taker


class Host:
    """Memory with two rings, the card and the driver on both sides of them, and what the protocol wants to be told."""

    def __init__(self, queue: Queue, ring: type[Ring], packets: int, size: int) -> None:
        self.memory = mmap(-1, _RINGS + BUFFER * (packets + COUNT))
        words = memoryview(self.memory)[:_RINGS].cast("Q")
        self.tx, self.rx = ring(words[:WORDS]), ring(words[WORDS:])
        addresses = range(_RINGS, len(self.memory), BUFFER)
        self.packets = [Packet(address, size, "protocol") for address in addresses[:packets]]
        self.rx.give([Packet(address, 0, "driver") for address in addresses[packets:]])
        self.link: Callable[[list[bytes]], None] = list.clear
        self.sent: Callable[[list[Packet]], None] = list.clear
        self.received: Callable[[list[Packet]], None] = list.clear
        self._queue = queue
        self._interrupting = False

    def send(self, packets: list[Packet]) -> None:
        """Post the protocol's packets and ring the card's doorbell."""
        hand_over(packets, "protocol", "driver")
        self.tx.give(packets)
        self._queue.append(self._transmit)

    def complete(self, packets: list[Packet]) -> None:
        """Give sent packets back to the protocol."""
        hand_over(packets, "driver", "protocol")
        self.sent(packets)

    def indicate(self, packets: list[Packet]) -> None:
        """Lend received packets to the protocol."""
        hand_over(packets, "driver", "protocol")
        self.received(packets)

    def give_back(self, packets: list[Packet]) -> None:
        """Take received packets from the protocol and post them again."""
        hand_over(packets, "protocol", "driver")
        self.rx.give(packets)

    def arrive(self, frames: list[bytes]) -> None:
        """Write frames to memory, as the card does when they come from the link."""
        memory = self.memory
        while frames:
            descriptors = self.rx.take(len(frames))
            if not descriptors:
                raise PathError(f"{len(frames)} frames arrived and there was no descriptor for them")
            for (address, _), frame in zip(descriptors, frames, strict=False):
                memory[address : address + len(frame)] = frame
            self.rx.finish(map(len, frames[: len(descriptors)]))
            frames = frames[len(descriptors) :]
        self._interrupt()

    def _transmit(self) -> None:
        """Read posted frames from memory and put them on the link; from here on they are frozen."""
        memory = self.memory
        while descriptors := self.tx.take():
            frames = [memory[address : address + length] for address, length in descriptors]
            self.tx.finish(map(len, frames))
            self.link(frames)
        self._interrupt()

    def _interrupt(self) -> None:
        if not self._interrupting:
            self._interrupting = True
            self._queue.append(self._isr)

    def _isr(self) -> None:
        self._queue.append(self._dpc)

    def _dpc(self) -> None:
        """Hand over everything that is done; what is done later interrupts again."""
        self._interrupting = False
        while packets := self.tx.reap():
            self.complete(packets)
        while packets := self.rx.reap():
            self.indicate(packets)


class Path:
    """Frames of `size` bytes from host `near` to host `far`, `burst` at a time, each compared on arrival."""

    def __init__(self, size: int, burst: int, ring: type[Ring]) -> None:
        self.compared = 0
        self.queue: Queue = deque()
        self.near = Host(self.queue, ring, burst, size)
        self.far = Host(self.queue, ring, 0, size)
        self.near.link, self.near.sent, self.far.received = self.carry, self._send, self._judge
        random = Random(1)
        payloads = [random.randbytes(size) for _ in range(DIFFERENT)]
        self._outgoing, self._expected = cycle(payloads), cycle(payloads)
        self._left = 0

    def run(self, frames: int) -> None:
        """Send so many frames, one burst after the other, and see that each arrives as it was sent."""
        self._left, before = frames, self.compared
        self._send(self.near.packets)
        queue = self.queue
        while queue:
            queue.popleft()()
        if self.compared - before != frames:
            raise PathError(f"{self.compared - before} of {frames} frames arrived")

    def carry(self, frames: list[bytes]) -> None:
        """Be the link."""
        self.queue.append(partial(self.far.arrive, frames))

    def _send(self, packets: list[Packet]) -> None:
        """Fill the packets that are free and send them again, while frames are left."""
        memory, packets = self.near.memory, packets[: self._left]
        if packets:
            self._left -= len(packets)
            for packet, payload in zip(packets, self._outgoing, strict=False):
                memory[packet.address : packet.address + packet.length] = payload
            self.near.send(packets)

    def _judge(self, packets: list[Packet]) -> None:
        """Copy what has arrived, compare it, and return the packets."""
        memory = self.far.memory
        for packet, payload in zip(packets, self._expected, strict=False):
            if memory[packet.address : packet.address + packet.length] != payload:
                raise PathError(f"{packet!r} arrived altered")
        self.compared += len(packets)
        self.far.give_back(packets)


def send_through(size: int, burst: int, frames: int, ring: type[Ring] | None = None) -> int:
    """Return the CPU time in ns that so many frames take, by the ring that is faster for such bursts or by `ring`."""
    path = Path(size, burst, ring or (RunRing if burst >= RUN else Ring))
    started = process_time_ns()
    path.run(frames)
    return process_time_ns() - started
