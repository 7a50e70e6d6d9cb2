"""The four machines of connection-oriented NDIS are their tables, whatever is done to them."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.ndis.co.states import (
    CALL_REFUSALS,
    CALL_TRANSITIONS,
    CARRYING,
    HANDLE_TRANSITIONS,
    VC_REFUSALS,
    VC_TRANSITIONS,
    CallEvent,
    CallState,
    HandleEvent,
    HandleState,
    VcEvent,
    VcState,
)
from ndisemu.ndis.states import Machine

# Transcribed from NDIS reference 6.3: state, event, next state.
VC = """
CREATED       ACTIVATE         ACTIVATING
CREATED       DELETE           DELETED
ACTIVATING    ACTIVATED        ACTIVE
ACTIVATING    ACTIVATE_FAILED  CREATED
ACTIVE        ACTIVATE         REACTIVATING
ACTIVE        DEACTIVATE       DEACTIVATING
REACTIVATING  ACTIVATED        ACTIVE
REACTIVATING  ACTIVATE_FAILED  ACTIVE
DEACTIVATING  DEACTIVATED      CREATED
"""
CALL = """
IDLE       MAKE         CALLING
IDLE       OFFER        OFFERED
CALLING    MADE         CONNECTED
CALLING    MAKE_FAILED  IDLE
OFFERED    ACCEPT       ACCEPTED
OFFERED    REJECT       IDLE
ACCEPTED   CONNECT      CONNECTED
ACCEPTED   RELEASE      RELEASED
ACCEPTED   CLOSE        CLOSING
CONNECTED  RELEASE      RELEASED
CONNECTED  CLOSE        CLOSING
RELEASED   CLOSE        CLOSING
CLOSING    CLOSED       IDLE
"""
HANDLE = """
OPENING  OPENED       OPEN
OPENING  OPEN_FAILED  CLOSED
OPEN     CLOSE        CLOSING
CLOSING  CLOSED       CLOSED
"""

MACHINES = [
    (VC, VC_TRANSITIONS, VcState, VcEvent),
    (CALL, CALL_TRANSITIONS, CallState, CallEvent),
    (HANDLE, HANDLE_TRANSITIONS, HandleState, HandleEvent),
]
PAIRS = [
    pytest.param(text, table, state, event, id=f"{type(state).__name__}-{state.name}-{event.name}")
    for text, table, states, events in MACHINES
    for state in states
    for event in events
]


@pytest.mark.parametrize(("text", "table", "state", "event"), PAIRS)
def test_every_pair_moves_as_the_reference_says_or_is_refused(
    text: str, table: Mapping[Any, Mapping[Any, Any]], state: Enum, event: Enum
) -> None:
    """An event moves a machine to the one state of the reference, or is refused and moves nothing."""
    expected = {(a, b): c for a, b, c in (line.split() for line in text.strip().splitlines())}
    machine: Machine[Any, Any] = Machine("it", state, table)
    after = expected.get((state.name, event.name))
    if after is None:
        with pytest.raises(RuleViolation, match="st-illegal"):
            machine.apply(event)
        assert machine.current is state
    else:
        assert machine.apply(event).name == after


@pytest.mark.parametrize("state", VcState)
def test_data_moves_in_the_active_states_only(state: VcState) -> None:
    """A circuit carries data, or NDIS has an answer to what is sent on it."""
    assert (state in CARRYING) is (state.name in {"ACTIVE", "REACTIVATING"})
    assert (state in CARRYING) is (state not in VC_REFUSALS)


@pytest.mark.parametrize("state", CallState)
def test_a_client_sends_on_a_connected_call_only(state: CallState) -> None:
    """A call is connected, or NDIS has an answer to what its client sends."""
    assert (state is CallState.CONNECTED) is (state not in CALL_REFUSALS)
