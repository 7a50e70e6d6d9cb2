"""The numbers of a result: they agree with counts made elsewhere, and the books can fail."""

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, strategies as st

import ndisemu
from ndisemu.frame.capture import read_capture
from ndisemu.machine import Emulation
from ndisemu.scenario.build import Plan
from ndisemu.scenario.counters import books, percentile, switch_books
from ndisemu.scenario.load import load
from ndisemu.scenario.names import NIC_COUNTERS, SWITCH_COUNTERS
from ndisemu.scenario.result import Result
from ndisemu.scenario.run import Options, run

Write = Callable[[str | bytes], Path]

TWO_WAYS: Final = """\
version: 1
name: both ways
hosts:
  a: {nics: {eth0: {mac: "02:00:00:00:0a:01"}}}
  b: {nics: {eth0: {mac: "02:00:00:00:0b:01", itr: 50us}}}
links:
  - {between: [a.eth0, b.eth0], rate: 1Gbit/s, delay: 5us}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 700, size: [18, 64, 1514], burst: 16}
  - {from: b.eth0, to: a.eth0, kind: generator, frames: 31, size: 1500, burst: 3, every: 20us}
capture: {interfaces: all}
"""


def nic(result: Result, name: str, key: str) -> int:
    """Return one number of a result."""
    value = result["nics"][name]
    for part in key.split("."):
        value = value[part]
    assert isinstance(value, int)
    return value


def test_counters_agree_with_the_capture_and_with_the_cards(write: Write, tmp_path: Path) -> None:
    """What a result counts is what the capture holds, what the cards' registers say, and what the scenario asked for."""
    cards: dict[str, dict[str, int]] = {}

    def watch(plan: Plan, emulation: Emulation) -> None:
        def look(name: str) -> None:
            card = plan.cards[name].nic
            cards[name] = {"in": card.mmio_read(0x40D0), "out": card.mmio_read(0x40D4)}

        for name in plan.slots:
            emulation.kernel.call_at(5_000_000, partial(look, name))

    result = ndisemu.run(run(load(write(TWO_WAYS)), Options(out=tmp_path / "out", watch=watch)))
    assert result["passed"]
    frames = [frame.data for frame in read_capture(tmp_path / "out" / "capture.pcapng")]
    seen = Counter(frame[6:12].hex() for frame in frames)
    for sender, receiver, mac, count in (
        ("a.eth0", "b.eth0", "020000000a01", 700),
        ("b.eth0", "a.eth0", "020000000b01", 31),
    ):
        sizes = sum(max(len(frame), 60) for frame in frames if frame[6:12].hex() == mac)
        assert seen[mac] == 2 * count
        assert nic(result, sender, "wire.bytes_out") == sizes // 2
        assert cards[sender]["out"] == cards[receiver]["in"] == count
        for name, key in (
            (sender, "sends.submitted"),
            (sender, "sends.completed"),
            (sender, "wire.frames_out"),
            (receiver, "wire.frames_in"),
            (receiver, "receives.indicated"),
            (receiver, "receives.returned"),
            (receiver, "receives.intact"),
        ):
            assert nic(result, name, key) == count, (name, key)


def test_events_of_the_log_add_up_to_the_counters(write: Write, tmp_path: Path) -> None:
    """The event log's sends, completions and indications sum to what the result counts."""
    result = ndisemu.run(run(load(write(TWO_WAYS)), Options(out=tmp_path / "out")))
    total: Counter[tuple[str, str]] = Counter()
    for line in (tmp_path / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        total[event["actor"], event["kind"]] += event["count"]
    for name in ("a.eth0", "b.eth0"):
        assert total[name, "send"] == nic(result, name, "sends.submitted")
        assert total[name, "send complete"] == nic(result, name, "sends.completed")
        assert total[name, "indicate"] == nic(result, name, "receives.indicated")


def test_every_counter_has_a_name_and_every_name_a_number(write: Write) -> None:
    """A result has exactly the numbers that an expectation can name."""
    result = ndisemu.run(run(load(write(TWO_WAYS)), Options()))
    flat = [
        f"{group}.{key}" if key else group
        for group, value in result["nics"]["a.eth0"].items()
        for key in (value if isinstance(value, dict) else [""])
        if key != "failures"
    ]
    assert sorted(flat) == sorted(NIC_COUNTERS)


GOOD_BOOK: Final = dict.fromkeys(NIC_COUNTERS, 0) | {
    "sends.submitted": 10, "sends.completed": 7, "sends.failed": 2, "sends.cancelled": 1,
    "wire.frames_in": 9, "receives.indicated": 4, "receives.returned": 4, "drops.missed": 2, "drops.filtered": 3,
    "buffers.pool": 512, "buffers.ring": 255, "buffers.lent": 7, "buffers.free": 250,
}  # fmt: skip


def test_books_that_agree_are_balanced() -> None:
    """All four identities hold for numbers that add up."""
    assert [book["balanced"] for book in books("a.eth0", GOOD_BOOK)] == [True] * 4


@pytest.mark.parametrize(
    ("counter", "broken"),
    [
        ("sends.submitted", {0}), ("sends.completed", {0}), ("sends.failed", {0}), ("sends.cancelled", {0}),
        ("wire.frames_in", {1}), ("drops.missed", {1}), ("drops.unread", {1}), ("drops.disabled", {1}),
        ("drops.removed", {1}),
        ("receives.indicated", {1, 2}), ("receives.returned", {2}),
        ("buffers.pool", {3}), ("buffers.ring", {3}), ("buffers.lent", {3}), ("buffers.free", {3}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("change", [-1, 1])
def test_one_frame_too_many_or_too_few_unbalances_the_books(counter: str, broken: set[int], change: int) -> None:
    """Each counter that an identity speaks of can break it, and no other."""
    found = books("a.eth0", GOOD_BOOK | {counter: GOOD_BOOK[counter] + change})
    assert {place for place, book in enumerate(found) if not book["balanced"]} == broken
    assert all((book["left"] == book["right"]) is book["balanced"] for book in found)


@given(st.dictionaries(st.integers(0, 10**6), st.integers(1, 50), max_size=30), st.integers(1, 1000))
def test_a_percentile_is_the_value_at_its_place_in_the_sorted_list(counts: dict[int, int], permille: int) -> None:
    """A histogram gives the same percentiles as the list of all values, sorted."""
    values = sorted(value for value, times in counts.items() for _ in range(times))
    place = -(-len(values) * permille // 1000) - 1
    assert percentile(sorted(counts.items()), permille) == (values[place] if values else 0)


def test_the_largest_value_is_the_last_percentile() -> None:
    """The maximum, the median and the percentile of one outlier in a thousand are what they should be."""
    latencies = [(10, 990), (20, 9), (10_000, 1)]
    assert [percentile(latencies, permille) for permille in (1, 500, 990, 991, 999, 1000)] == [
        10, 10, 10, 20, 20, 10_000,
    ]  # fmt: skip


SLOW_PROTOCOL: Final = """\
version: 1
name: a protocol that keeps packets
hosts:
  a: {nics: {eth0: {}}}
  b: {nics: {eth0: {miniport: ring, rx_ring: 16, hold: 2ms, parameters: {receive_pool_max: 64}}}}
links:
  - {between: [a.eth0, b.eth0], rate: 1Gbit/s, delay: 5us}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 600, size: 1514, burst: 16, every: 250us}
"""


@pytest.mark.parametrize(
    ("miniport", "grown", "loses"),
    [("ring", 2, False), ("ring-explicit", 2, False), ("priority", 2, False), ("ring6", 2, False), ("legacy", 0, True)],
)
def test_a_starved_pool_grows_and_balances(write: Write, miniport: str, grown: int, *, loses: bool) -> None:
    """Under a protocol that keeps packets pools grow to their limit and nothing is lost; a pool that is fixed loses."""
    path = write(SLOW_PROTOCOL)
    result = ndisemu.run(run(load(path, [f"hosts.b.nics.eth0.miniport={miniport}"]), Options()))
    numbers = {name: nic(result, "b.eth0", name) for name in NIC_COUNTERS if "." in name}
    assert numbers["buffers.grown"] == grown
    assert numbers["buffers.pool"] == 32 + 16 * grown
    assert (numbers["receives.starved"] > 0) is not loses
    assert (numbers["drops.missed"] > 0) is (numbers["receives.lost"] > 0) is loses
    assert all(book["balanced"] for book in result["books"])
    assert result["violations"] == []


BY_PRIORITY: Final = """\
version: 1
name: priorities on a slow cable
hosts:
  a: {nics: {eth0: {miniport: priority}}}
  b: {nics: {eth0: {miniport: priority}}}
links:
  - {between: [a.eth0, b.eth0], rate: 10Mbit/s}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 200, size: 1000, burst: 50, window: 200, priority: 1}
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 40, size: 1000, burst: 10, every: 20ms, priority: [7, 6]}
"""


@pytest.mark.parametrize(("miniport", "overtakes"), [("priority", True), ("ring", False)])
def test_a_generators_priority_decides_who_waits(write: Write, miniport: str, *, overtakes: bool) -> None:
    """Frames of a high priority pass those that wait; equals stay in order, and without support nobody passes."""
    path = write(BY_PRIORITY)
    result = ndisemu.run(run(load(path, [f"hosts.a.nics.eth0.miniport={miniport}"]), Options()))
    low, high = result["flows"]
    assert (low["intact"], low["late"], high["intact"]) == (200, 0, 40)
    assert (high["late"] > 0) is overtakes
    assert result["violations"] == []


GOOD_SWITCH_BOOK: Final = dict.fromkeys(SWITCH_COUNTERS, 0) | {
    "frames_in": 20, "forwarded": 10, "flooded": 4, "copies": 12, "frames_out": 19,
    "drops.runt": 1, "drops.same_port": 3, "drops.no_port": 2, "drops.queue_full": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("counter", "balanced"),
    [
        ("learned", [True, True]), ("frames_in", [False, True]), ("forwarded", [False, False]),
        ("flooded", [False, True]), ("copies", [True, False]), ("frames_out", [True, False]),
        ("drops.runt", [False, True]), ("drops.reserved", [False, True]), ("drops.same_port", [False, True]),
        ("drops.no_port", [False, True]), ("drops.queue_full", [True, False]),
    ],
)  # fmt: skip
def test_the_books_of_a_switch_know_every_frame_and_every_copy(counter: str, balanced: list[bool]) -> None:
    """Frames in end in one way each, and what a queue takes leaves or is dropped there."""
    assert [book["balanced"] for book in switch_books("sw1", GOOD_SWITCH_BOOK)] == [True, True]
    found = switch_books("sw1", GOOD_SWITCH_BOOK | {counter: GOOD_SWITCH_BOOK[counter] + 1})
    assert [book["balanced"] for book in found] == balanced


@pytest.mark.parametrize(("kind", "ends"), [("switch", (20, 13, 2)), ("hub", (0, 33, 0))])
def test_a_switch_counts_into_the_result(write: Write, kind: str, ends: tuple[int, int, int]) -> None:
    """What three hosts send each other, and to all, is forwarded by a switch that has learned, and flooded by a hub."""
    text = f"""\
version: 1
name: n
switches: {{box: {{kind: {kind}}}}}
hosts: {{a: {{nics: {{eth0: {{}}}}}}, b: {{nics: {{eth0: {{}}}}}}, c: {{nics: {{eth0: {{}}}}}}}}
links: [{{between: [a.eth0, box]}}, {{between: [box, b.eth0]}}, {{between: [c.eth0, box]}}]
traffic:
- {{from: a.eth0, to: b.eth0, kind: generator, frames: 8, size: 60}}
- {{from: b.eth0, to: a.eth0, kind: generator, frames: 20, size: 60, start: 1ms}}
- {{from: b.eth0, to: box, kind: generator, frames: 5, size: 60, start: 2ms}}
"""
    result = ndisemu.run(run(load(write(text)), Options()))
    box = result["switches"]["box"]
    assert (box["forwarded"], box["flooded"], box["learned"]) == ends
    assert [flow["intact"] for flow in result["flows"]] == [8, 20, 5, 5]
    assert set(box["drops"].values()) == {0}
    assert result["passed"]
