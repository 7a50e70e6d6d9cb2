"""Queries on a finished run: who held what, and the life of one object."""

import json
from pathlib import Path
from typing import Any

import pytest

from ndisemu.errors import UsageError
from ndisemu.observe.objects import FILE, ObjectLog, life, pending, read

Record = dict[str, Any]


def begun(number: int, time: int, call: str, items: list[str], *owners: str) -> Record:
    return {"n": number, "t": time, "cpu": "a.cpu0", "irql": 2, "who": "a.eth0", "call": call, "items": items,
            "owners": list(owners)}  # fmt: skip


def over(number: int, time: int, *owners: str) -> Record:
    return {"n": number, "t": time, "owners": list(owners)}


RUN: list[Record] = [
    begun(1, 10, "NdisSendPackets", ["a/packet#1", "a/packet#2"], "protocol"),
    over(1, 10, "miniport"),
    begun(2, 30, "NdisMSendComplete", ["a/packet#1"], "miniport"),
    over(2, 30, "protocol"),
    begun(3, 40, "NdisSendPackets", ["a/packet#1"], "protocol"),
    over(3, 40, "miniport"),
    begun(4, 50, "NdisMSendComplete", ["a/packet#1", "b/packet#1"], "miniport", "card"),
    over(4, 50, "protocol", "card"),
]


@pytest.mark.parametrize(
    ("at", "held"),
    [
        (5, []),
        (10, ["a/packet#1 since 10", "a/packet#2 since 10"]),
        (30, ["a/packet#2 since 10"]),
        (45, ["a/packet#2 since 10", "a/packet#1 since 40"]),
        (None, ["a/packet#2 since 10"]),
    ],
)
def test_what_is_away_from_its_first_owner_is_pending_longest_first(at: int | None, held: list[str]) -> None:
    """At the asked time, both ends of it included."""
    found = pending(RUN, at)
    assert [f"{one.item} since {one.since}" for one in found] == held
    assert {one.owner for one in found} <= {"miniport"}


def test_a_life_is_every_call_about_an_object_with_its_owner_before_and_after() -> None:
    """Calls about others are not among them."""
    steps = [(step.time, step.call, step.owner, step.then) for step in life(RUN, "a/packet#1")]
    assert steps == [
        (10, "NdisSendPackets", "protocol", "miniport"),
        (30, "NdisMSendComplete", "miniport", "protocol"),
        (40, "NdisSendPackets", "protocol", "miniport"),
        (50, "NdisMSendComplete", "miniport", "protocol"),
    ]
    assert [step.time for step in life(RUN, "packet#2")] == [10]


@pytest.mark.parametrize(
    ("name", "text"), [("packet#9", "no call was about packet#9"), ("packet#1", "can be a/packet#1, b/packet#1")]
)
def test_a_name_that_is_none_or_several_is_refused(name: str, text: str) -> None:
    """The message shows what names look like, or which there are."""
    with pytest.raises(UsageError, match=text):
        life(RUN, name)


def test_the_example_is_what_is_sent() -> None:
    """Of all that calls are about, packets and lists are what is asked for."""
    memory: Record = {**RUN[0], "items": ["a/SharedMemory#0 (<SharedMemory of the ring>)"]}
    with pytest.raises(UsageError, match=r"objects are called as in a/packet#1$"):
        life([memory, *RUN], "packet#9")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A line for each record."""
    lines: list[bytes] = []
    log = ObjectLog(lines.append)
    for record in RUN:
        log.note(record)
    (tmp_path / FILE).write_bytes(b"".join(lines))
    assert read(tmp_path) == RUN


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "run --out DIR"),
        (b"\xff", "it is no text"),
        (b"{}\n", "objects.jsonl:1:1: this is no record"),
        (json.dumps(RUN[0]).encode() + b"\n[1\n", "objects.jsonl:2:1: this is no line of JSON"),
    ],
)
def test_a_file_that_is_none_is_named_with_its_line(tmp_path: Path, content: bytes | None, text: str) -> None:
    """The user learns what writes the right one."""
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(UsageError, match=text):
        read(tmp_path)
