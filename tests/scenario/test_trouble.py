"""Faults of a scenario: at their time, to their NIC, on record, and whatever becomes of them the run has an end."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

import ndisemu
from ndisemu.errors import BugCheck, RuleViolation, UsageError
from ndisemu.machine import BaseSlot
from ndisemu.scenario.load import load
from ndisemu.scenario.names import FAULTS
from ndisemu.scenario.result import Result
from ndisemu.scenario.run import Options, run
from ndisemu.scenario.trouble import PATIENCE

Write = Callable[[str | bytes], Path]
Act = Callable[[BaseSlot], Awaitable[None]]

SCENARIO: Final = """\
version: 1
name: in trouble
hosts:
  a: {nics: {eth0: {miniport: ring6}}}
  b: {nics: {eth0: {miniport: ring6}}}
links:
  - {between: [a.eth0, b.eth0]}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 100, size: 64}
"""


@dataclass(frozen=True)
class Stub:
    """A fault that does what a test wants."""

    start: Act
    end: Act | None = None


class Recorder:
    """Injectors for all faults, which do nothing but note when they were asked; some may be exchanged."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, str, str]] = []
        self.table: dict[str, Stub] = {
            word: Stub(self.note(word), self.note(name.end) if name.end else None) for word, name in FAULTS.items()
        }

    def note(self, word: str) -> Act:
        async def act(slot: BaseSlot) -> None:
            self.calls.append((slot.host.kernel.now, slot.name, word))

        return act

    def raises(self, word: str, failure: Callable[[BaseSlot], Exception]) -> None:
        """Let a fault end with an error."""

        async def act(slot: BaseSlot) -> None:
            raise failure(slot)

        self.table[word] = Stub(act, self.table[word].end)

    def takes(self, word: str, seconds: float | None) -> None:
        """Let a fault take its time, or never come to an end."""

        async def act(slot: BaseSlot) -> None:
            self.calls.append((slot.host.kernel.now, slot.name, word))
            await (asyncio.get_running_loop().create_future() if seconds is None else asyncio.sleep(seconds))

        self.table[word] = Stub(act)


@pytest.fixture
def recorder() -> Recorder:
    """What notes the faults of one run."""
    return Recorder()


@pytest.fixture
def outcome(write: Write, recorder: Recorder) -> Callable[..., Result]:
    """Return a function that runs the scenario with faults, each given as a line, under overrides."""

    def result(faults: list[str], *overrides: str, out: Path | None = None) -> Result:
        text = SCENARIO + "faults:\n" + "".join(f"  - {{{fault}}}\n" for fault in faults)
        options = Options(out=out, injectors=recorder.table)
        return ndisemu.run(run(load(write(text), overrides), options))

    return result


Outcome = Callable[..., Result]


def applied(result: Result) -> list[tuple[int, str, str]]:
    return [(fault["time"], fault["nic"], fault["do"]) for fault in result["faults"]]


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (["at: 0s, on: a.eth0, do: reset"], [(0, "a.eth0", "reset")]),
        (["at: 10001ns, on: b.eth0, do: hang"], [(10_001, "b.eth0", "hang")]),
        (
            ["at: 1ms, on: a.eth0, do: shared_memory_fails, for: 20us"],
            [(1_000_000, "a.eth0", "shared_memory_fails"), (1_020_000, "a.eth0", "shared_memory_works")],
        ),
        (
            ["at: 1us, on: a.eth0, do: link_down, for: 1us, every: 3us, times: 2"],
            [
                (1_000, "a.eth0", "link_down"), (2_000, "a.eth0", "link_up"),
                (4_000, "a.eth0", "link_down"), (5_000, "a.eth0", "link_up"),
            ],
        ),
        (
            ["at: 9us, on: a.eth0, do: stop", "at: 9us, on: b.eth0, do: pause, for: 1us", "at: 2us, on: b.eth0, do: hang"],
            [(2_000, "b.eth0", "hang"), (9_000, "a.eth0", "stop"), (9_000, "b.eth0", "pause"), (10_000, "b.eth0", "restart")],
        ),
    ],
    ids=["at once", "once", "timed", "repeated", "in the order of time, then of the file"],
)  # fmt: skip
def test_a_fault_happens_at_exactly_its_time(
    outcome: Outcome, recorder: Recorder, faults: list[str], expected: list[tuple[int, str, str]]
) -> None:
    """What is done to which NIC at which nanosecond is as written, and the result lists just that."""
    result = outcome(faults)
    assert recorder.calls == expected
    assert applied(result) == expected
    assert (result["ended"], result["passed"]) == ("idle", True)


def test_a_fault_is_an_event(outcome: Outcome, tmp_path: Path) -> None:
    """The event log has each beginning and each end, with the NIC and the word."""
    outcome(["at: 3ms, on: b.eth0, do: pause, for: 1ms"], out=tmp_path / "out")
    lines = (tmp_path / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [event for line in lines if (event := json.loads(line))["kind"] == "fault"]
    assert [(event["t"], event["actor"], event["count"], event["detail"]) for event in events] == [
        (3_000_000, "b.eth0", 1, "pause"),
        (4_000_000, "b.eth0", 1, "restart"),
    ]


def test_a_run_is_not_idle_while_a_fault_is_to_come(outcome: Outcome) -> None:
    """The traffic is over in microseconds; the run goes on to the end of the last fault."""
    result = outcome(["at: 70s, on: a.eth0, do: link_down, for: 30s"])
    assert (result["ended"], result["virtual_time_ns"]) == ("idle", 100_000_000_000)


def test_a_duration_ends_a_run_in_the_middle_of_a_fault(outcome: Outcome, recorder: Recorder) -> None:
    """The end of a fault that lies behind that of the run does not come, and the run ends at its time."""
    result = outcome(["at: 1ms, on: a.eth0, do: link_down, for: 30s"], "duration=2ms")
    assert (result["ended"], result["virtual_time_ns"], result["passed"]) == ("duration", 2_000_000, True)
    assert recorder.calls == [(1_000_000, "a.eth0", "link_down")]


def test_a_duration_goes_on_when_all_faults_are_over(outcome: Outcome) -> None:
    """A run of two seconds takes two seconds."""
    result = outcome(["at: 1ms, on: a.eth0, do: reset"], "duration=2s")
    assert (result["ended"], result["virtual_time_ns"]) == ("duration", 2_000_000_000)


def test_a_fault_that_takes_long_holds_up_no_other(outcome: Outcome, recorder: Recorder) -> None:
    """A pause may wait for what only a later fault brings about."""
    recorder.takes("pause", 0.005)
    outcome(["at: 1ms, on: a.eth0, do: pause", "at: 2ms, on: a.eth0, do: reset"])
    assert recorder.calls == [(1_000_000, "a.eth0", "pause"), (2_000_000, "a.eth0", "reset")]


def test_a_fault_that_never_ends_is_found_and_the_run_ends(outcome: Outcome, recorder: Recorder) -> None:
    """A driver that does not complete its reset fails the run, and hangs nothing."""
    recorder.takes("reset", None)
    result = outcome(["at: 1s, on: a.eth0, do: reset"])
    (finding,) = result["violations"]
    assert (finding["rule"], finding["actor"]) == ("fault-stuck", "a.eth0")
    assert finding["time"] == (PATIENCE + 1) * 10**9
    assert (result["ended"], result["passed"]) == ("idle", False)


@pytest.mark.parametrize(
    ("failure", "rule", "text"),
    [
        (lambda _: RuleViolation("st-pause", "a pause of nothing"), "st-pause", "a pause of nothing"),
        (lambda slot: slot.host.kernel.refusal("st-pause", slot.name, "refused"), "st-pause", "refused"),
        (lambda _: BugCheck("it has stopped"), "driver", "it has stopped"),
    ],
    ids=["violation", "recorded violation", "bug check"],
)
def test_a_broken_rule_is_found_once_and_the_rest_goes_on(
    outcome: Outcome, recorder: Recorder, failure: Callable[[BaseSlot], Exception], rule: str, text: str
) -> None:
    """The finding is the NIC's; what was not begun is not ended, and the next fault comes."""
    recorder.raises("pause", failure)
    result = outcome(["at: 1us, on: a.eth0, do: pause, for: 5us", "at: 9us, on: b.eth0, do: reset"])
    assert [(one["rule"], one["actor"], one["text"]) for one in result["violations"]] == [(rule, "a.eth0", text)]
    assert applied(result) == [(1_000, "a.eth0", "pause"), (9_000, "b.eth0", "reset")]
    assert (result["ended"], result["passed"]) == ("idle", False)


@pytest.mark.parametrize("overrides", [[], ["duration=3s"]], ids=["until idle", "for its duration"])
def test_a_fault_that_a_card_cannot_have_is_the_users_mistake(
    outcome: Outcome, recorder: Recorder, overrides: list[str]
) -> None:
    """The run is called off at once, in order, with what, to whom, when and why."""
    recorder.raises("pause", lambda _: UsageError("it is an NDIS 5.1 adapter"))
    faults = ["at: 1ms, on: a.eth0, do: pause", "at: 2ms, on: a.eth0, do: reset"]
    with pytest.raises(UsageError) as caught:
        outcome(faults, *overrides)
    assert str(caught.value) == "fault pause on a.eth0 at 1.000 ms: it is an NDIS 5.1 adapter"
    assert recorder.calls == []


def test_a_defect_of_an_injector_is_not_hidden(outcome: Outcome, recorder: Recorder) -> None:
    """What is nobody's mistake but ours comes out as it is."""
    recorder.raises("hang", lambda _: ZeroDivisionError("by hand"))
    with pytest.raises(ZeroDivisionError, match="by hand"):
        outcome(["at: 1us, on: a.eth0, do: hang"])


def test_an_interrupt_calls_the_faults_off(write: Write, recorder: Recorder) -> None:
    """A run that waits for a fault is cancelled like any other, and leaves no task behind."""
    recorder.takes("reset", None)
    text = SCENARIO + "faults: [{at: 1us, on: a.eth0, do: reset}, {at: 60min, on: a.eth0, do: hang}]\n"

    async def main() -> tuple[Result, int]:
        task = asyncio.create_task(run(load(write(text)), Options(injectors=recorder.table)))
        await asyncio.sleep(5)
        task.cancel()
        return await task, len(asyncio.all_tasks())

    result, tasks = ndisemu.run(main())
    assert (result["ended"], result["violations"], tasks) == ("interrupted", [], 1)
    assert applied(result) == [(1_000, "a.eth0", "reset")]


def test_the_real_clock_has_faults_too(write: Write, recorder: Recorder) -> None:
    """On asyncio's own loop a fault comes at its time or a little later, and the run waits for it."""
    text = SCENARIO + "faults: [{at: 5ms, on: a.eth0, do: link_down, for: 5ms}]\n"
    result = asyncio.run(run(load(write(text), ["clock=real"]), Options(injectors=recorder.table)))
    (begun, _, down), (ended, _, up) = recorder.calls
    assert (down, up, result["ended"]) == ("link_down", "link_up", "idle")
    assert begun >= 5_000_000
    assert ended >= 10_000_000


def test_the_same_faults_give_the_same_events(outcome: Outcome) -> None:
    """A run with faults can be repeated like any other."""
    faults = [f"at: {time}us, on: {nic}.eth0, do: link_down, for: 2us" for time in range(9) for nic in "ab"]
    hashes: list[Any] = [outcome(faults)["trace_sha256"] for _ in range(2)]
    assert hashes[0] == hashes[1]


def test_without_faults_nothing_is_needed(write: Write) -> None:
    """A scenario that has none runs without anybody who could do them."""
    nobody: Mapping[str, Stub] = {}
    result = ndisemu.run(run(load(write(SCENARIO)), Options(injectors=nobody)))
    assert (result["faults"], result["passed"]) == ([], True)
