"""The tables of adapter and binding life: every pair of state and event moves as the table says, or is refused."""

from collections.abc import Mapping
from enum import Enum
from itertools import product
from typing import Any

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.ndis.states import (
    ADAPTER_TRANSITIONS,
    BINDING_TRANSITIONS,
    AdapterEvent,
    AdapterState,
    BindingEvent,
    BindingState,
    Machine,
)

Table = Mapping[Any, Mapping[Any, Any]]

# Written down from the life cycle of a 5.x adapter and of a binding, not from the code.
ADAPTER = """
Uninitialized + MiniportInitialize                    -> Initializing
Initializing  + MiniportInitialize returned SUCCESS   -> Running
Initializing  + MiniportInitialize failed             -> Uninitialized
Initializing  + a bug check                           -> Failed
Running       + MiniportHalt                          -> Halting
Running       + a bug check                           -> Failed
Running       + MiniportShutdown                      -> Shutdown
Halting       + MiniportHalt returned                 -> Halted
Halting       + a bug check                           -> Failed
Halted        + MiniportInitialize                    -> Initializing
"""

BINDING = """
Opening + NdisOpenAdapter completed  -> Open
Opening + NdisOpenAdapter failed     -> Closed
Open    + NdisCloseAdapter           -> Closing
Closing + NdisCloseAdapter completed -> Closed
"""


def rows(text: str) -> dict[tuple[str, str], str]:
    """Read a table: what each state and event lead to."""
    found = {}
    for line in text.strip().splitlines():
        pair, after = line.split(" -> ")
        state, event = pair.split("+")
        found[state.strip(), event.strip()] = after
    return found


CASES = [
    (table, rows(text), state, event)
    for table, text, states, events in (
        (ADAPTER_TRANSITIONS, ADAPTER, AdapterState, AdapterEvent),
        (BINDING_TRANSITIONS, BINDING, BindingState, BindingEvent),
    )
    for state, event in product(states, events)
]


@pytest.mark.parametrize(
    ("table", "expected", "state", "event"), CASES, ids=[f"{state}-{event}" for _, _, state, event in CASES]
)
def test_every_pair_is_in_the_table_or_refused(
    table: Table, expected: dict[tuple[str, str], str], state: Enum, event: Enum
) -> None:
    """An event moves the subject as written down, or raises, naming what would be right, and moves nothing."""
    machine: Machine[Any, Any] = Machine("subject", state, table)
    after = expected.get((state.value, event.value))
    if after is not None:
        assert machine.apply(event).value == after
        assert repr(machine) == f"<subject {after}>"
        return
    with pytest.raises(RuleViolation) as caught:
        machine.apply(event)
    assert machine.current is state
    legal = [other for (before, other) in expected if before == state.value]
    assert caught.value.rule == "st-illegal"
    assert caught.value.text.startswith(f"subject: {event.value} in state {state.value}, which accepts ")
    assert caught.value.text.endswith(", ".join(legal) if legal else "nothing more")


@pytest.mark.parametrize("table", [ADAPTER_TRANSITIONS, BINDING_TRANSITIONS])
def test_the_tables_cannot_be_changed(table: Any) -> None:
    """There is no other way to change state than an event in the table."""
    with pytest.raises(TypeError):
        table[AdapterState.FAILED] = {}
