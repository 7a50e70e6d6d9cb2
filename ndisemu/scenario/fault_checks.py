"""Rules about the times of one fault: that it can end, begin again, and begin before the run is over.

Like those of `checks` they look at the nodes of the document, and pass over
what the schema has refused already.
"""

from collections.abc import Iterator

from ndisemu.errors import Problem, UsageError
from ndisemu.scenario.document import Node, below
from ndisemu.scenario.names import FAULTS
from ndisemu.scenario.words import listed
from ndisemu.units import format_time, parse_duration


def check_fault(fault: Node, duration: Node) -> Iterator[Problem]:
    """Give what is wrong with a fault of a run of that duration."""
    yield from _end(fault)
    yield from _repetition(fault)
    yield from _beginnings(fault, duration)


def _end(fault: Node) -> Iterator[Problem]:
    word, lasts = below(fault, "do").value, below(fault, "for")
    if lasts.value is None or not isinstance(word, str) or word not in FAULTS or FAULTS[word].end:
        return
    timed = listed(word for word, name in FAULTS.items() if name.end)
    yield lasts.place.problem(f"{word} has no end, so nothing can be said of how long it is; what has one is {timed}")


def _repetition(fault: Node) -> Iterator[Problem]:
    every, times, lasts = below(fault, "every"), below(fault, "times"), below(fault, "for")
    if every.value is None and times.value is not None:
        yield times.place.problem("times needs every, the time from one to the next, such as `every: 10ms`")
    elif every.value is not None and times.value is None:
        yield every.place.problem("every needs times, how many there are, such as `times: 5`")
    interval, length = _duration(every), _duration(lasts)
    if interval is not None and length is not None and length >= interval:
        what = f"for must be shorter than every, {format_time(interval)}, not {format_time(length)}"
        yield lasts.place.problem(f"{what}: what has not ended cannot begin again")


def _beginnings(fault: Node, duration: Node) -> Iterator[Problem]:
    """Give the fault, or its last repetition, that would begin when the run is over."""
    end, first = _duration(duration), _duration(below(fault, "at"))
    if end is None or first is None:
        return
    if first >= end:
        text = f"this fault at {format_time(first)} never happens, since the run ends after {format_time(end)}"
        yield below(fault, "at").place.problem(text)
        return
    interval, times = _duration(below(fault, "every")), below(fault, "times")
    if interval is None or not isinstance(times.value, int):
        return
    last = first + interval * (times.value - 1)
    if last >= end:
        when = f"{format_time(last)}, and the run ends after {format_time(end)}"
        yield times.place.problem(f"the last of {times.value} would begin at {when}")


def _duration(node: Node) -> int | None:
    """Return a duration where there is one that can be read."""
    if not isinstance(node.value, str):
        return None
    try:
        return parse_duration(node.value)
    except UsageError:
        return None
