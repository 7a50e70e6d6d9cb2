"""`ndisemu list`: names for people in a table, and for programs as JSON."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Final

import pytest

Command = Callable[..., CompletedProcess[str]]

TOPICS: Final = {
    "counters": "sends.submitted",
    "drivers": "ring",
    "faults": "link_down",
    "oids": "OID_GEN_SUPPORTED_LIST",
    "rules": "send-double-complete",
    "statuses": "NDIS_STATUS_PENDING",
}


def test_without_a_topic_it_says_what_can_be_listed(command: Command) -> None:
    """Each topic is there, with what it is."""
    ended = command("list")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line.split()[0] for line in ended.stdout.splitlines() if line[1:2].isalpha()][1:] == list(TOPICS)


@pytest.mark.parametrize(("topic", "name"), TOPICS.items())
def test_a_topic_is_a_table_of_80_columns(command: Command, topic: str, name: str) -> None:
    """What goes into a pipe has every name whole, and no line that would be broken."""
    ended = command("list", topic)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert name in ended.stdout
    assert [line for line in ended.stdout.splitlines() if len(line) > 80] == []
    assert "…" not in ended.stdout


@pytest.mark.parametrize("topic", ["", *TOPICS])
def test_json_is_one_document_with_the_rows_of_the_table(command: Command, topic: str) -> None:
    """Every row has the same keys, and every word of it is in the table, if it is not folded there."""
    words = [topic] if topic else []
    rows = json.loads(command("list", *words, "--json").stdout)
    table = command("list", *words).stdout
    assert rows
    assert all(row.keys() == rows[0].keys() for row in rows)
    assert all(next(iter(row.values())) in table for row in rows)


def test_an_unknown_topic_is_told_the_known_ones(command: Command) -> None:
    """A mistake of the user: exit code 2, and the choices."""
    ended = command("list", "driver")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "'driver' is not one of" in ended.stderr
    assert all(topic in ended.stderr for topic in TOPICS)
