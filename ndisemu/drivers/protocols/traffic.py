"""What a station of any generation does: send what its sources give, and judge what its flows should bring.

Each source has its own packets and sends from a DPC of its own: at the due
time, as soon as it has packets for the burst, and never nested inside a
completion. A packet is an NDIS_PACKET or a NET_BUFFER_LIST, as the generation
has it; nothing here looks at more of it than its priority.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import cycle
from typing import Final, Generic, Protocol, TypeVar

from ndisemu.drivers.protocols.flow import Entry, Flow
from ndisemu.drivers.protocols.holding import Holding
from ndisemu.drivers.protocols.sources import Source
from ndisemu.ndis import BaseBinding, PacketFilter, Tag

# How many bursts one DPC sends before it lets others run.
BURSTS_AT_A_TIME: Final = 16


class Carrier(Protocol):
    """What carries one frame, or a list that carries several; `ieee8021q` is the TagHeader beside it."""

    ieee8021q: int
    protocol_reserved: object | None

    def fill(self, data: bytes) -> None:
        """Make `data` its contents, where it carries one frame."""
        ...


C = TypeVar("C", bound=Carrier)


class Sender(Generic[C]):
    """One source's packets and its place in time, on one binding.

    `submit` sends packets there, `fill` copies frames in, up to `frames_each` into one.
    """

    def __init__(
        self,
        binding: BaseBinding,
        source: Source,
        flow: Entry,
        packets: Sequence[C],
        submit: Callable[[Sequence[C]], None],
        fill: Callable[[Sequence[C], Sequence[bytes]], None],
        frames_each: int = 1,
    ) -> None:
        self._binding = binding
        self._source = source
        self._flow = flow
        self._submit = submit
        self._fill = fill
        self._frames_each = frames_each
        self._free = list(packets)
        self._timer = binding.initialize_timer(self.send, source.cpu)
        self._waiting: tuple[Sequence[bytes], Sequence[bytes]] | None = None
        self._started = False
        self._held = False
        # Whether the timer will let the waiting burst go.
        self._called = False
        # How many packets the waiting burst takes.
        self._needs = 0
        self._tags = cycle([Tag(priority).pack() for priority in source.priorities]) if source.priorities else None
        for packet in self._free:
            packet.protocol_reserved = self

    @property
    def done(self) -> bool:
        """Whether everything has been handed to NDIS."""
        return self._waiting is None and self._source.due is None

    def start(self) -> None:
        """Send the first burst when it is due, or when it may again: it may have been told to hold before it got to this."""
        self._started = True
        if not self._held:
            self.go_on()

    def hold(self) -> None:
        """Send no more, whatever comes back or is due."""
        self._held = True
        self._called = False
        self._timer.cancel()

    def go_on(self) -> None:
        """Send again, if it was started: what waits at once, what is due later then."""
        self._held = False
        now = self._binding.system_time()
        due = self._source.due if self._waiting is None else now
        if self._started and due is not None:
            self._timer.set(max(due - now, 0))

    def take_back(self, packets: Sequence[C]) -> None:
        """Packets were sent; go on if that is what the next burst waits for."""
        self._free.extend(packets)
        if self._waiting is not None and not self._called and self._needs <= len(self._free):
            self._called = True
            self._timer.set(0)

    def send(self) -> None:
        """Send the bursts that are due, a few at a time, and come back for the next one; a timer's DPC."""
        self._called = False
        if self._held:
            return
        # Looked up once for all bursts, which is worth a hundredth of a single send.
        source, free, fill, submit, each = self._source, self._free, self._fill, self._submit, self._frames_each
        enter, clock, wait = self._flow.enter, self._binding.system_time, 0
        for _ in range(BURSTS_AT_A_TIME):
            burst = self._waiting or source.next()
            frames, arriving = burst
            count = len(frames) if each == 1 else -(-len(frames) // each)
            if count > len(free):
                # What comes back lets it go.
                self._waiting, self._needs = burst, count
                return
            self._waiting = None
            if count == 1:
                packets = [free.pop(0)]
            else:
                packets = free[:count]
                del free[:count]
            fill(packets, frames)
            if self._tags is not None:
                for packet, tag in zip(packets, self._tags, strict=False):
                    packet.ieee8021q = tag
            now = clock()
            enter(arriving, now)
            submit(packets)
            due = source.due
            if due is None:
                return
            wait = due - now
            if wait > 0:
                break
        self._timer.set(max(wait, 0))


class Traffic(Generic[C]):
    """The generator, the replayer and the judge in a station: `sources` with the flow each feeds, `flows` that end here.

    `keeps` is for how many ns a received packet is kept before it is returned; 0 returns it at once. `take_back` is where
    packets go that were sent: to their only sender, or to the one that each belongs to.
    """

    def __init__(
        self,
        name: str,
        *,
        sources: Sequence[tuple[Source, Entry]] = (),
        flows: Sequence[Flow] = (),
        packet_filter: PacketFilter = PacketFilter.DIRECTED | PacketFilter.BROADCAST,
        keeps: int = 0,
    ) -> None:
        self.name = name
        self.senders: list[Sender[C]] = []
        self.take_back: Callable[[Sequence[C]], None] = self._sort_out
        self.holding: Holding[C] | None = None
        self.received = 0
        self.failed = 0
        self._sources = sources
        self._flows = tuple(flows)
        self._filter = packet_filter
        self._keeps = keeps

    @property
    def done(self) -> bool:
        """Whether every source has handed out everything."""
        return all(sender.done for sender in self.senders)

    def start(self) -> None:
        """Let every source send from its first due time on; at PASSIVE_LEVEL."""
        for sender in self.senders:
            sender.start()

    def hold(self) -> None:
        """Let no source send."""
        for sender in self.senders:
            sender.hold()

    def go_on(self) -> None:
        """Let every source that was started send again."""
        for sender in self.senders:
            sender.go_on()

    def let_go(self) -> None:
        """Return what is kept."""
        if self.holding is not None:
            self.holding.end()

    def send_by(self, senders: Iterable[Sender[C]]) -> None:
        """Have these senders, one for each source."""
        self.senders = list(senders)
        self.take_back = self.senders[0].take_back if len(self.senders) == 1 else self._sort_out

    def _sort_out(self, packets: Sequence[C]) -> None:
        """Packets were sent: each goes back to the sender it belongs to."""
        for sender in self.senders:
            sender.take_back([packet for packet in packets if packet.protocol_reserved is sender])

    def judge(self, frames: list[bytes], now: int) -> None:
        """Frames arrived at `now`: each goes to the flow that expects it, or to the first, which calls it unexpected."""
        self.received += len(frames)
        if len(self._flows) == 1:
            self._flows[0].judge(frames, now)
            return
        for frame in frames:
            expecting = (flow for flow in self._flows if flow.expects(frame))
            flow = next(expecting, self._flows[0] if self._flows else None)
            if flow is not None:
                flow.judge([frame], now)
