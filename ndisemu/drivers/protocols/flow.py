"""One flow of frames from a station to another, and the judgement of what arrived.

The sender enters each frame as it gives it to NDIS, the receiver compares
what it gets, byte for byte. A burst that matches costs one comparison of two
lists; only when that fails are frames looked at one by one, to tell a lost
frame from one that came late, twice, was altered, or does not belong here.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

# How far before the next expected frame one that arrives again is looked for.
WINDOW: Final = 1024
# What is waited for at the most; the oldest beyond that has been lost.
MOST_AWAITED: Final = 32768
# Entries already judged are dropped from the front in runs of this many.
RUN: Final = 4096


class Entry(Protocol):
    """Where a sender enters what it sends."""

    def enter(self, frames: Sequence[bytes], now: int) -> None:
        """Note frames as they are sent, `frames` as they must arrive, at `now` ns."""
        ...


class Flow:
    """What was sent, what arrived, and how.

    `sent` = `intact` + `altered` + `lost`; `late` are intact frames that
    arrived after one sent later, `unexpected` arrived twice or were never sent.
    `latencies` counts nanoseconds from the send to the arrival, to three
    digits.
    """

    __slots__ = ("_expected", "_missing", "_next", "_times", "altered", "intact", "late", "latencies", "name", "sent",
                 "unexpected")  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent = 0
        self.intact = 0
        self.altered = 0
        self.late = 0
        self.unexpected = 0
        self.latencies: Counter[int] = Counter()
        self._expected: list[bytes] = []
        self._times: list[int] = []
        self._next = 0
        self._missing: Counter[bytes] = Counter()

    def __repr__(self) -> str:
        return f"<Flow {self.name}: {self.sent} sent, {self.intact} intact, {self.altered} altered, {self.lost} lost>"

    @property
    def lost(self) -> int:
        """How many frames have not arrived (yet)."""
        return self.sent - self.intact - self.altered

    def enter(self, frames: Sequence[bytes], now: int) -> None:
        """Note frames as they are sent, `frames` as they must arrive, at `now` ns."""
        count, expected = len(frames), self._expected
        self.sent += count
        expected += frames
        self._times += [now] * count
        if len(expected) - self._next > MOST_AWAITED:
            lost = self._next + MOST_AWAITED // 2
            del expected[:lost], self._times[:lost]
            self._next = 0

    def expects(self, frame: bytes) -> bool:
        """Whether `frame` is among those that should arrive soon."""
        return self._find(frame) is not None or bool(self._missing[frame])

    def judge(self, frames: list[bytes], now: int) -> None:
        """Compare frames that arrived at `now` with what was sent."""
        if not frames:
            return
        start = self._next
        end = start + len(frames)
        if self._expected[start:end] == frames:
            self.intact += len(frames)
            self._note_latencies(start, end, now)
            self._next = end
        else:
            for frame in frames:
                self._judge_one(frame, now)
        if self._next >= RUN + WINDOW:
            judged = self._next - WINDOW
            del self._expected[:judged], self._times[:judged]
            self._next = WINDOW

    def _note_latencies(self, start: int, end: int, now: int) -> None:
        times = self._times
        if times[start] == times[end - 1]:
            self.latencies[three_digits(now - times[start])] += end - start
        else:
            self.latencies.update(three_digits(now - sent) for sent in times[start:end])

    def _judge_one(self, frame: bytes, now: int) -> None:
        place = self._find(frame)
        if place is not None:
            self._missing.update(self._expected[self._next : place])
            self._note_latencies(place, place + 1, now)
            self._next = place + 1
            self.intact += 1
        elif self._missing[frame]:
            self._missing[frame] -= 1
            self.intact += 1
            self.late += 1
        elif self._is_next_altered(frame):
            self._next += 1
            self.altered += 1
        else:
            self.unexpected += 1

    def _is_next_altered(self, frame: bytes) -> bool:
        """Whether `frame` is taken for the next one: of the same flow, and not one that has come before."""
        expected, place = self._expected, self._next
        if place == len(expected) or expected[place][:12] != frame[:12]:
            return False
        return frame not in expected[max(place - WINDOW, 0) : place]

    def _find(self, frame: bytes) -> int | None:
        try:
            return self._expected.index(frame, self._next)
        except ValueError:
            return None


class Broadcast:
    """What is sent once and must arrive at the ends of several flows."""

    __slots__ = ("_flows",)

    def __init__(self, flows: Sequence[Flow]) -> None:
        self._flows = tuple(flows)

    def enter(self, frames: Sequence[bytes], now: int) -> None:
        """Note frames as they are sent (`Entry`)."""
        for flow in self._flows:
            flow.enter(frames, now)


def three_digits(ns: int) -> int:
    """Round down to three significant digits, so that a histogram stays small."""
    if ns < 1000:
        return ns
    unit: int = 10 ** (len(str(ns)) - 3)
    return ns // unit * unit
