"""The event log: one line for each step, and one hash that does not care whether anybody keeps the lines."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import pytest
from hypothesis import given, strategies as st

from ndisemu.kernel import Cpu, Kernel
from ndisemu.observe import EventLog
from ndisemu.observe.events import RUN

Event = tuple[str, str, int, str]
EVENTS: Final = st.lists(
    st.tuples(st.text(max_size=8), st.text(max_size=8), st.integers(0, 2**40), st.text(max_size=8)), max_size=30
)


def logged(events: Sequence[Event], *, keep: bool) -> tuple[str, list[bytes]]:
    """Note events at ascending times; return the hash and what was written."""
    kernel = Kernel()
    written: list[bytes] = []
    log = EventLog(kernel, written.append if keep else None)
    log.attach()
    for time, (kind, actor, count, detail) in enumerate(events):
        kernel.now = time
        assert kernel.probe.event is not None
        kernel.probe.event(kind, actor, count, detail)
    log.detach()
    return log.hexdigest(), written


def test_an_event_outside_any_cpu_is_a_line_of_json() -> None:
    """A line has the time, the kind, the actor and the count; CPU and IRQL are empty where none was running."""
    _, written = logged([("send", "a.eth0", 3, "")], keep=True)
    assert b"".join(written) == b'{"t":0,"cpu":"","irql":0,"kind":"send","actor":"a.eth0","count":3}\n'


def test_an_event_on_a_cpu_has_its_local_time_and_irql() -> None:
    """Code that has been charged time is ahead of the clock, and so are its events."""
    kernel = Kernel()
    written: list[bytes] = []
    log = EventLog(kernel, written.append)
    cpu = Cpu(kernel, "a.cpu0")
    kernel.now, kernel.current = 100, cpu
    cpu.raise_irql(2)
    log.note("dpc", "a.eth0", 1, "")
    cpu.charge(50)
    log.note("dpc", "a.eth0", 1, "late")
    log.detach()
    lines = [json.loads(line) for line in b"".join(written).splitlines()]
    assert [(line["t"], line["cpu"], line["irql"], line.get("detail")) for line in lines] == [
        (100, "a.cpu0", 2, None),
        (150, "a.cpu0", 2, "late"),
    ]


@given(EVENTS)
def test_the_hash_is_that_of_the_lines_whether_they_are_kept_or_not(events: list[Event]) -> None:
    """The hash of the log equals the hash of its text, and writing the text changes nothing."""
    digest, written = logged(events, keep=True)
    assert digest == sha256(b"".join(written)).hexdigest()
    assert logged(events, keep=False) == (digest, [])


@given(EVENTS)
def test_every_event_is_one_line_and_comes_back_from_it(events: list[Event]) -> None:
    """Whatever a name holds, line breaks included, an event is one line of JSON that says the same."""
    _, written = logged(events, keep=True)
    lines = [json.loads(line) for line in b"".join(written).split(b"\n")[:-1]]
    assert [(line["kind"], line["actor"], line["count"], line.get("detail", "")) for line in lines] == events


@pytest.mark.parametrize("count", [RUN - 1, RUN, RUN + 1, 2 * RUN])
def test_text_is_made_in_runs_of_whole_lines(count: int) -> None:
    """Nothing is formatted before a run is full, each write ends with a line, and none is lost at a border."""
    kernel = Kernel()
    written: list[bytes] = []
    log = EventLog(kernel, written.append)
    for number in range(count):
        log.note("send", "a.eth0", number, "")
    assert len(written) == count // RUN
    log.detach()
    assert all(text.endswith(b"\n") for text in written)
    assert b"".join(written).count(b"\n") == count == log.count


def test_a_hash_asked_for_in_the_middle_changes_nothing_later() -> None:
    """The hash is of the events up to now, and asking for it is no event."""
    log, other = EventLog(Kernel()), EventLog(Kernel())
    log.note("send", "a.eth0", 1, "")
    early = log.hexdigest()
    for one in (log, other):
        one.note("send", "a.eth0", 1, "")
    other.note("send", "a.eth0", 1, "")
    assert early != log.hexdigest() == other.hexdigest()


def test_nothing_is_noted_before_attaching_or_after_detaching() -> None:
    """The hook of the probe is taken and given back."""
    kernel = Kernel()
    log = EventLog(kernel)
    hooks = [kernel.probe.event]
    log.attach()
    hooks.append(kernel.probe.event)
    log.detach()
    hooks.append(kernel.probe.event)
    assert hooks == [None, log.note, None]
