"""What can be listed is what is accepted: each list is the table that scenarios are checked against."""

from typing import Final

import pytest

from ndisemu.drivers.catalogue import MINIPORTS, STATIONS
from ndisemu.ndis import Oid, Status
from ndisemu.scenario.names import CPU_COUNTERS, FAULTS, NIC_COUNTERS, RUN_COUNTERS, SWITCH_COUNTERS
from ndisemu.scenario.reference import TOPICS, Row, topics
from ndisemu.verifier import entries


def rows(topic: str) -> dict[str, Row]:
    """Return the rows of a topic by name."""
    column = "do" if topic == "faults" else "name"
    return {row[column]: row for row in TOPICS[topic].rows()}


NAMES: Final = {
    "counters": [
        *NIC_COUNTERS,
        "sends.failures.STATUS",
        *SWITCH_COUNTERS,
        *CPU_COUNTERS,
        *RUN_COUNTERS,
        "violations.RULE",
    ],
    "drivers": [*MINIPORTS, *STATIONS],
    "faults": list(FAULTS),
    "oids": [str(oid) for oid in Oid],
    "rules": [entry.id for entry in entries()],
    "statuses": [str(status) for status in Status],
}


@pytest.mark.parametrize("topic", TOPICS)
def test_a_list_has_every_name_of_its_table(topic: str) -> None:
    """All names, in the order of the table, and no others."""
    column = "do" if topic == "faults" else "name"
    assert [row[column] for row in TOPICS[topic].rows()] == NAMES[topic]


def test_the_list_of_lists_has_them_all() -> None:
    """What can be listed can be found out."""
    assert [row["topic"] for row in topics()] == list(TOPICS) == sorted(TOPICS)


@pytest.mark.parametrize(
    ("oid", "value", "mandatory"),
    [
        ("OID_GEN_SUPPORTED_LIST", "0x00010101", "query"),
        ("OID_GEN_CURRENT_PACKET_FILTER", "0x0001010E", "query, set"),
        ("OID_GEN_MAXIMUM_SEND_PACKETS", "0x00010115", "query if serialized"),
        ("OID_802_3_ADD_MULTICAST_ADDRESS", "0x01010208", ""),
    ],
)
def test_an_object_says_what_a_miniport_must_do_with_it(oid: str, value: str, mandatory: str) -> None:
    """The value is Microsoft's, the duty that of a 5.x Ethernet miniport."""
    assert rows("oids")[oid] == {"name": oid, "value": value, "mandatory in 5.x": mandatory}


@pytest.mark.parametrize(
    ("status", "value", "severity"),
    [
        ("NDIS_STATUS_SUCCESS", "0x00000000", "success"),
        ("NDIS_STATUS_MEDIA_CONNECT", "0x4001000B", "information"),
        ("NDIS_STATUS_SOFT_ERRORS", "0x80010003", "warning"),
        ("NDIS_STATUS_FAILURE", "0xC0000001", "error"),
    ],
)
def test_a_status_has_its_value_and_the_severity_in_it(status: str, value: str, severity: str) -> None:
    """The two highest bits are in words."""
    assert rows("statuses")[status] == {"name": status, "value": value, "severity bits": severity}


def test_a_fault_that_can_be_timed_says_how_it_ends() -> None:
    """Only those with an end of their own may be given a length."""
    ends = {word: row["ends with"] for word, row in rows("faults").items() if row["ends with"]}
    assert ends == {"shared_memory_fails": "shared_memory_works", "link_down": "link_up", "pause": "restart"}
