"""Everything that a scenario can name or a result can hold, as rows of words: what `ndisemu list` shows.

Each topic is a function from nothing to rows, read from the table that the
scenario language itself is checked against, so that what is listed is what is
accepted.

Not here: how rows are drawn (see `observe.listing`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ndisemu.drivers.catalogue import MINIPORTS, STATIONS
from ndisemu.ndis import Oid, Status
from ndisemu.ndis.oid import MANDATORY_5X_QUERY, MANDATORY_5X_QUERY_SERIALIZED, MANDATORY_5X_SET
from ndisemu.scenario.names import (
    CPU_COUNTERS,
    FAULTS,
    NIC_COUNTERS,
    RUN_COUNTERS,
    SEND_FAILURES,
    SWITCH_COUNTERS,
    VIOLATIONS,
)

Row: TypeAlias = dict[str, str]
"""The words of one row, by the headings of their columns."""

# What the two highest bits of a status say.
_SEVERITIES: Final = ("success", "information", "warning", "error")
_MANDATORY: Final = (
    ("query", MANDATORY_5X_QUERY),
    ("query if serialized", MANDATORY_5X_QUERY_SERIALIZED),
    ("set", MANDATORY_5X_SET),
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One list: what it is of, in a line, and its rows; `brief` makes of a row what a table has room for."""

    line: str
    rows: Callable[[], list[Row]]
    brief: Callable[[Row], Row] = dict

    def table(self) -> list[Row]:
        """Return the rows as a table shows them."""
        return [self.brief(row) for row in self.rows()]


def drivers() -> list[Row]:
    """Return the miniports and protocols that come with ndisemu."""
    return [
        {"name": name, "NDIS": driver.ndis, "kind": driver.kind, "style": driver.style, "what it is": driver.line}
        for table in (MINIPORTS, STATIONS)
        for name, driver in table.items()
    ]


def oids() -> list[Row]:
    """Return the object identifiers, and what an Ethernet miniport of NDIS 5.x must answer or accept."""
    return [
        {
            "name": str(oid),
            "value": f"0x{oid:08X}",
            "mandatory in 5.x": ", ".join(word for word, table in _MANDATORY if oid in table),
        }
        for oid in Oid
    ]


def statuses() -> list[Row]:
    """Return the statuses, with the severity that their highest bits say."""
    return [
        {"name": str(status), "value": f"0x{status:08X}", "severity bits": _SEVERITIES[status >> 30]}
        for status in Status
    ]


def counters() -> list[Row]:
    """Return the numbers that an expectation can be about."""
    by_status = {f"{SEND_FAILURES}STATUS": "sends that ended with this status, such as NDIS_STATUS_RESOURCES"}
    by_rule = {f"{VIOLATIONS}RULE": "times that this rule was broken, such as send-never-completed"}
    return [
        {"of": of, "name": name, "what it counts": line}
        for of, table in (
            ("a NIC", NIC_COUNTERS),
            ("a NIC", by_status),
            ("a switch", SWITCH_COUNTERS),
            ("a processor", CPU_COUNTERS),
            ("the run", RUN_COUNTERS),
            ("the run", by_rule),
        )
        for name, line in table.items()
    ]


def faults() -> list[Row]:
    """Return what may be done to a NIC, what its end is called where it can be timed, and what the NIC must have."""
    return [
        {"do": word, "ends with": fault.end, "needs": fault.needs, "what it is": fault.line}
        for word, fault in FAULTS.items()
    ]


def rules() -> list[Row]:
    """Return every rule of the catalogue: whether it is checked, and if not, why not."""
    # Whoever lists something else imports no driver.
    from ndisemu.drivers.faulty import PAIRS
    from ndisemu.verifier import entries

    return [
        {
            "name": entry.id,
            "group": entry.group,
            "status": entry.status,
            "versions": entry.versions,
            "source": entry.source,
            "test": f"tests/verifier/test_pairs.py[{entry.id}]" if entry.id in PAIRS else "",
            "reason": entry.reason,
        }
        for entry in entries()
    ]


def _standing(rule: Row) -> Row:
    return {"name": rule["name"], "standing": f"{rule['status']}: {rule['reason']}"}


TOPICS: Final[Mapping[str, Topic]] = {
    "counters": Topic("numbers of a result, for `expect`", counters),
    "drivers": Topic("miniports and protocols that come with ndisemu, for `miniport` and `protocol`", drivers),
    "faults": Topic("what may be done to a NIC, for `faults`", faults),
    "oids": Topic("object identifiers, by their NDIS names and values", oids),
    "rules": Topic("rules that drivers keep, and which of them are checked", rules, _standing),
    "statuses": Topic("NDIS statuses, by their names and values", statuses),
}
"""What can be listed."""


def topics() -> list[Row]:
    """Return what can be listed."""
    return [{"topic": word, "what it lists": topic.line} for word, topic in TOPICS.items()]
