"""The tables of NDIS 6 adapters and bindings: every pair of state and event moves as the table says, or is refused."""

from collections.abc import Mapping
from enum import Enum
from itertools import product
from typing import Any

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.ndis.states import BindingEvent, Machine
from ndisemu.ndis.v6.states import (
    ADAPTER_TRANSITIONS,
    BINDING_TRANSITIONS,
    AdapterEvent,
    AdapterState,
    BindingState,
    FlowEvent,
)
from tests.ndis.test_states import rows

Table = Mapping[Any, Mapping[Any, Any]]

# Written down from NDIS reference 5.1, with a state for MiniportHaltEx while it runs and one for bug checks.
ADAPTER = """
Halted       + MiniportInitializeEx                   -> Initializing
Initializing + MiniportInitializeEx returned SUCCESS  -> Paused
Initializing + MiniportInitializeEx failed            -> Halted
Initializing + a bug check                            -> Failed
Paused       + MiniportRestart                        -> Restarting
Paused       + MiniportHaltEx                         -> Halting
Paused       + MiniportShutdownEx                     -> Shutdown
Paused       + a bug check                            -> Failed
Restarting   + MiniportRestart completed with SUCCESS -> Running
Restarting   + MiniportRestart failed                 -> Paused
Restarting   + MiniportShutdownEx                     -> Shutdown
Restarting   + a bug check                            -> Failed
Running      + MiniportPause                          -> Pausing
Running      + MiniportShutdownEx                     -> Shutdown
Running      + a bug check                            -> Failed
Pausing      + MiniportPause completed                -> Paused
Pausing      + MiniportShutdownEx                     -> Shutdown
Pausing      + a bug check                            -> Failed
Halting      + MiniportHaltEx returned                -> Halted
Halting      + a bug check                            -> Failed
"""

# Written down from NDIS reference 2.2.
BINDING = """
Opening    + NdisOpenAdapter completed               -> Paused
Opening    + NdisOpenAdapter failed                  -> Closed
Paused     + NetEventRestart                         -> Restarting
Paused     + NdisCloseAdapter                        -> Closing
Restarting + NetEventRestart completed with SUCCESS  -> Running
Restarting + NetEventRestart failed                  -> Paused
Running    + NetEventPause                           -> Pausing
Pausing    + NetEventPause completed                 -> Paused
Closing    + NdisCloseAdapter completed              -> Closed
"""

CASES = [
    (table, rows(text), state, event)
    for table, text, states, events in (
        (ADAPTER_TRANSITIONS, ADAPTER, AdapterState, (*AdapterEvent,)),
        (BINDING_TRANSITIONS, BINDING, BindingState, (*BindingEvent, *FlowEvent)),
    )
    for state, event in product(states, events)
]


@pytest.mark.parametrize(
    ("table", "expected", "state", "event"), CASES, ids=[f"{state}-{event}" for _, _, state, event in CASES]
)
def test_every_pair_is_in_the_table_or_refused(
    table: Table, expected: dict[tuple[str, str], str], state: Enum, event: Enum
) -> None:
    """An event moves the subject as the documents say, or raises and moves nothing."""
    machine: Machine[Any, Any] = Machine("subject", state, table)
    after = expected.get((state.value, event.value))
    if after is not None:
        assert machine.apply(event).value == after
        return
    with pytest.raises(RuleViolation, match=f"st-illegal: subject: {event.value} in state {state.value}, which"):
        machine.apply(event)
    assert machine.current is state


@pytest.mark.parametrize("table", [ADAPTER_TRANSITIONS, BINDING_TRANSITIONS])
def test_the_tables_cannot_be_changed(table: Any) -> None:
    """There is no other way to change state than an event in the table."""
    with pytest.raises(TypeError):
        table[AdapterState.FAILED] = {}
