"""The capture: all frames of all recorded wires, in the order of their times, in bounded memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, strategies as st

import ndisemu
from ndisemu.frame.capture import CapturedFrame, read_capture
from ndisemu.kernel import Kernel
from ndisemu.observe import CaptureLog, Interface
from ndisemu.observe.capture import RUN
from ndisemu.scenario.load import load
from ndisemu.scenario.run import Options, run

MAC: Final = bytes.fromhex("020000000a01")

CROSSING: Final = """\
version: 1
name: moderated interrupts, so that arrivals are noted long after they happened
hosts:
  a: {nics: {eth0: {itr: 200us}}}
  b: {nics: {eth0: {itr: 700us, rx_ring: 4096}}}
links:
  - {between: [a.eth0, b.eth0], rate: 1Gbit/s, delay: 5us}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 9000, size: imix, burst: 64, window: 2000}
  - {from: b.eth0, to: a.eth0, kind: generator, frames: 1000, size: 64, burst: 1, every: 50us}
capture: {interfaces: all}
"""


def never() -> bool:
    return False


class Recorder:
    """A capture of some cards, and the file that it makes."""

    def __init__(self, *names: str, expects: Callable[[], bool] = never) -> None:
        self.kernel = Kernel()
        self.blocks: list[bytes] = []
        interfaces = [Interface(name, "82540EM", MAC, 10**9, expects) for name in names]
        self.log = CaptureLog(self.kernel, interfaces, "test", self.blocks.append)

    def frames(self, tmp_path: Path) -> tuple[CapturedFrame, ...]:
        """Close the capture and read it."""
        self.log.close()
        file = tmp_path / "capture.pcapng"
        file.write_bytes(b"".join(self.blocks))
        return tuple(read_capture(file))


def numbered(start: int, count: int) -> list[bytes]:
    return [number.to_bytes(60, "big") for number in range(start, start + count)]


def test_every_card_has_an_interface_with_name_address_and_speed(tmp_path: Path) -> None:
    """The file begins with one description for each card, in their order, before there is any frame."""
    recorder = Recorder("a.eth0", "b.eth1")
    data = b"".join(recorder.blocks)
    assert data.count(b"82540EM of ") == 2
    assert data.index(b"a.eth0") < data.index(b"b.eth1")
    assert MAC in data
    assert (10**9).to_bytes(8, "little") in data
    assert recorder.frames(tmp_path) == ()


def test_what_leaves_and_what_arrives_is_told_apart(tmp_path: Path) -> None:
    """A frame that crosses a wire is recorded twice: outbound on one interface, inbound on the other."""
    recorder = Recorder("a.eth0", "b.eth0")
    sent, _ = recorder.log.hooks("a.eth0")
    _, received = recorder.log.hooks("b.eth0")
    frame = bytes(range(60))
    sent([frame], [1_000])
    received([frame], [6_500])
    assert b"".join(recorder.blocks).count(frame) == 0
    assert [(one.time, one.data) for one in recorder.frames(tmp_path)] == [(1_000, frame), (6_500, frame)]
    data = b"".join(recorder.blocks)
    outbound, inbound = (b"\x02\x00\x04\x00" + word.to_bytes(4, "little") for word in (2, 1))
    assert data.index(outbound) < data.index(inbound)
    assert recorder.log.count == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 50), st.lists(st.integers(0, 40), min_size=1, max_size=5)),
        max_size=60,
    )
)
def test_bursts_whose_times_lie_ahead_are_written_in_order_of_time(
    tmp_path_factory: pytest.TempPathFactory, bursts: list[tuple[int, int, list[int]]]
) -> None:
    """The file is the stable sort by time of all that was noted, whatever the bursts and however often it is written."""
    recorder = Recorder("a", "b", "c", "d")
    recorder.log._room = 4
    free = [0, 0, 0, 0]
    noted: list[tuple[int, bytes]] = []
    for number, (card, later, gaps) in enumerate(bursts):
        recorder.kernel.now += later
        time, times = max(free[card], recorder.kernel.now), []
        for gap in gaps:
            times.append(time)
            time += gap
        free[card] = time
        frames = [number.to_bytes(60, "big")] * len(times)
        recorder.log.hooks("abcd"[card])[0](frames, times)
        noted += zip(times, frames, strict=True)
        recorder.log._room = min(recorder.log._room, 4)
    read = [(one.time, one.data) for one in recorder.frames(tmp_path_factory.mktemp("capture"))]
    assert read == sorted(noted, key=lambda one: one[0])


def test_a_late_arrival_is_waited_for(tmp_path: Path) -> None:
    """While a frame is on its way to a card, nothing that could follow it is written."""
    on_its_way = True
    recorder = Recorder("a.eth0", "b.eth0", expects=lambda: on_its_way)
    sent, _ = recorder.log.hooks("a.eth0")
    _, received = recorder.log.hooks("b.eth0")
    for time in range(RUN):
        recorder.kernel.now = 10 * time
        sent(numbered(time, 1), [10 * time])
    assert recorder.log.count == 0
    on_its_way = False
    received(numbered(9_999_999, 1), [5])
    times = [one.time for one in recorder.frames(tmp_path)]
    assert times == sorted(times)
    assert times[:3] == [0, 5, 10]


def test_memory_is_bounded_by_what_lies_ahead() -> None:
    """Whatever has been noted for certain is written in runs, and only frames of the future are kept."""
    recorder = Recorder("a.eth0")
    sent, _ = recorder.log.hooks("a.eth0")
    most = 0
    for burst in range(1_000):
        recorder.kernel.now = burst * 64
        sent(numbered(burst, 64), range(burst * 64, burst * 64 + 64))
        most = max(most, len(recorder.log._noted))
    assert most <= RUN
    assert recorder.log.count >= 64_000 - RUN


def test_what_must_be_kept_is_not_sorted_again_for_every_burst() -> None:
    """With many frames ahead, looking for what can be written becomes rarer, not dearer."""
    recorder = Recorder("a.eth0")
    looked = 0
    flush = recorder.log._flush

    def counted(until: int | None) -> None:
        nonlocal looked
        looked += 1
        flush(until)

    recorder.log._flush = counted  # type: ignore[method-assign]
    sent, _ = recorder.log.hooks("a.eth0")
    for burst in range(2_000):
        sent(numbered(burst, 64), range(burst * 64, burst * 64 + 64))
    assert looked < 10


def test_a_run_with_moderated_interrupts_is_captured_in_order(tmp_path: Path) -> None:
    """Every frame that leaves arrives, both are recorded, and no record is earlier than the one before it."""
    (tmp_path / "s.yaml").write_text(CROSSING, encoding="utf-8")
    result = ndisemu.run(run(load(tmp_path / "s.yaml"), Options(out=tmp_path / "out")))
    assert result["passed"]
    frames = read_capture(tmp_path / "out" / "capture.pcapng")
    times = [frame.time for frame in frames]
    assert len(frames) == 2 * 10_000
    assert times == sorted(times)
