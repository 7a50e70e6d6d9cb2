"""Running a scenario: how it ends, what it leaves behind, and what has no influence on it."""

import asyncio
import gc
import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

import ndisemu
from ndisemu.errors import UsageError
from ndisemu.machine import Emulation
from ndisemu.scenario.build import Plan
from ndisemu.scenario.load import load
from ndisemu.scenario.result import Result
from ndisemu.scenario.run import Options, run

Write = Callable[[str | bytes], Path]

SCENARIO: Final = """\
version: 1
name: one way
hosts:
  a: {nics: {eth0: {itr: 20us}}}
  b: {nics: {eth0: {}}}
links:
  - {between: [a.eth0, b.eth0], rate: 1Gbit/s, delay: 5us}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 500, size: 64, burst: 16}
capture: {interfaces: all}
"""
ENDLESS: Final = "traffic.0.frames=1000000000"


def outcome(file: Path, *overrides: str, options: Options | None = None) -> Result:
    return ndisemu.run(run(load(file, overrides), options or Options()))


def look_on(plan: Plan, emulation: Emulation) -> None:
    """Watch, as the command's line of progress does."""
    assert all(slot.host.kernel is emulation.kernel for slot in plan.slots.values())


def descriptors() -> int:
    """Count what is open; a mapping stays until the rings in it are collected."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_a_run_ends_when_nothing_is_left_to_do(write: Write) -> None:
    """Without a duration everything is sent and has arrived, and the end is when the last thing happened."""
    result = outcome(write(SCENARIO))
    assert (result["ended"], result["passed"]) == ("idle", True)
    assert result["flows"][0]["intact"] == 500
    assert 500 * 84 * 8 < result["virtual_time_ns"] < 2 * 500 * 84 * 8


def test_a_scenario_without_traffic_is_over_at_once(write: Write) -> None:
    """Adapters start, nothing happens, adapters halt: a run that passes at time 0."""
    result = outcome(write(SCENARIO), "traffic=[]")
    assert (result["ended"], result["passed"], result["virtual_time_ns"]) == ("idle", True, 0)


@pytest.mark.parametrize("duration", ["1ns", "999ns", "10us", "123456ns", "1ms"])
def test_a_duration_ends_the_run_at_exactly_that_time_in_the_middle_of_traffic(write: Write, duration: str) -> None:
    """What is in flight is completed while adapters halt, so the books balance, and nobody broke a rule."""
    result = outcome(write(SCENARIO), ENDLESS, f"duration={duration}")
    assert result["ended"] == "duration"
    assert result["virtual_time_ns"] == int(duration.removesuffix("ns").replace("us", "000").replace("ms", "000000"))
    assert result["violations"] == []
    assert result["passed"]
    assert result["flows"][0]["sent"] < 10_000
    assert result["flows"][0]["altered"] == 0


def test_a_duration_longer_than_the_traffic_is_kept(write: Write) -> None:
    """Time goes on to the end of the duration when everything has been sent."""
    result = outcome(write(SCENARIO), "duration=2s")
    assert (result["ended"], result["virtual_time_ns"], result["passed"]) == ("duration", 2_000_000_000, True)


def test_an_interrupted_run_has_a_result_with_balanced_books(write: Write, tmp_path: Path) -> None:
    """Cancelling halts adapters in order; the partial result and its files are whole, and nothing is left behind."""
    before = descriptors()

    async def main() -> tuple[Result, int]:
        started = asyncio.get_running_loop().create_future()

        def watch(_plan: Plan, emulation: Emulation) -> None:
            emulation.kernel.call_at(50_000, lambda: started.set_result(None))

        task = asyncio.create_task(run(load(write(SCENARIO), [ENDLESS]), Options(out=tmp_path / "out", watch=watch)))
        await started
        task.cancel()
        return await task, len(asyncio.all_tasks())

    result, tasks = ndisemu.run(main())
    assert (result["ended"], result["passed"], tasks) == ("interrupted", False, 1)
    assert result["books"]
    assert all(book["balanced"] for book in result["books"])
    assert result["violations"] == []
    assert 0 < result["flows"][0]["intact"] < 1_000
    assert json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8")) == result
    assert descriptors() == before


def test_the_run_directory_has_the_result_the_events_and_the_capture(write: Write, tmp_path: Path) -> None:
    """Exactly these files, and the hash in the result is that of the events."""
    result = outcome(write(SCENARIO), options=Options(out=tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "capture.pcapng",
        "events.jsonl",
        "objects.jsonl",
        "result.json",
    ]
    events = (tmp_path / "out" / "events.jsonl").read_bytes()
    assert sha256(events).hexdigest() == result["trace_sha256"]
    assert json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8")) == result


@pytest.mark.parametrize(
    ("interfaces", "name", "count"), [("all", "82540EM of", 2), ("[b.eth0]", "82540EM of b.eth0", 1)]
)
def test_the_capture_has_the_wires_that_were_asked_for(
    write: Write, tmp_path: Path, interfaces: str, name: str, count: int
) -> None:
    """One interface for each named card, or for all."""
    outcome(write(SCENARIO), f"capture.interfaces={interfaces}", options=Options(out=tmp_path / "out"))
    capture = (tmp_path / "out" / "capture.pcapng").read_bytes()
    assert capture.count(name.encode()) == count == capture.count(b"82540EM of")


def test_without_a_capture_section_there_is_no_capture(write: Write, tmp_path: Path) -> None:
    """The other files are there."""
    outcome(write(SCENARIO.replace("capture: {interfaces: all}\n", "")), options=Options(out=tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "events.jsonl",
        "objects.jsonl",
        "result.json",
    ]


def test_a_wrong_expectation_fails_a_run_that_is_otherwise_good(write: Write) -> None:
    """The run itself is the same; only the verdict differs."""
    good = outcome(write(SCENARIO))
    bad = outcome(write(SCENARIO + "expect:\n  - {that: b.eth0.receives.intact, equals: 499}\n"))
    assert (good["passed"], bad["passed"]) == (True, False)
    assert good["trace_sha256"] == bad["trace_sha256"]


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("traffic.0.frames=7", ("flows", 0, "sent"), 7),
        ("seed=99", ("seed",), 99),
        ("hosts.b.nics.eth0.rx_ring=64", ("nics", "b.eth0", "buffers", "ring"), 63),
        ("name=other", ("scenario", "name"), "other"),
    ],
)
def test_what_is_set_reaches_the_run(write: Write, override: str, path: tuple[str | int, ...], value: object) -> None:
    """A change on the command line is as good as one in the file."""
    found = outcome(write(SCENARIO), override)
    for step in path:
        found = found[step]  # type: ignore[index]
    assert found == value


@pytest.mark.parametrize(
    "options",
    [Options(verify=None), Options(watch=look_on)],
    ids=["free", "watched"],
)
def test_what_is_observed_has_no_influence(write: Write, options: Options) -> None:
    """Free or checked, watched or not, written or not: the same events at the same times."""
    one, other = outcome(write(SCENARIO)), outcome(write(SCENARIO), options=options)
    assert one["trace_sha256"] == other["trace_sha256"]
    assert one["nics"] == other["nics"]


def test_the_real_clock_carries_the_same_frames(write: Write) -> None:
    """On asyncio's own loop the run takes real time, and everything arrives."""
    result = asyncio.run(run(load(write(SCENARIO), ["clock=real"]), Options()))
    assert (result["clock"], result["ended"], result["passed"]) == ("real", "idle", True)
    assert result["flows"][0]["intact"] == 500


@pytest.mark.parametrize(("clock", "drive"), [("real", ndisemu.run), ("virtual", asyncio.run)])
def test_a_clock_needs_its_loop(write: Write, clock: str, drive: Callable[..., Result]) -> None:
    """The wrong loop is refused with the name of the right one."""
    with pytest.raises(UsageError, match=f"the {clock} clock needs"):
        drive(run(load(write(SCENARIO), [f"clock={clock}"]), Options()))


def test_two_runs_in_one_loop_do_not_meet(write: Write) -> None:
    """Runs side by side give the result that each gives alone."""
    file = write(SCENARIO)

    async def main() -> list[Result]:
        changes: list[list[str]] = [[], ["traffic.0.frames=300"], []]
        return await asyncio.gather(*(run(load(file, change), Options()) for change in changes))

    results = ndisemu.run(main())
    alone = [outcome(file), outcome(file, "traffic.0.frames=300"), outcome(file)]
    for key in ("nics", "flows", "books", "violations"):
        assert [one[key] for one in results] == [one[key] for one in alone]


def test_a_full_disk_is_the_users_mistake_and_leaves_nothing_open(write: Write, tmp_path: Path) -> None:
    """The file is named after the run, which went on without it."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "events.jsonl").symlink_to("/dev/full")
    before = descriptors()
    with pytest.raises(UsageError, match=r"out/events\.jsonl cannot be written: No space left on device"):
        outcome(write(SCENARIO), options=Options(out=tmp_path / "out"))
    assert descriptors() == before
