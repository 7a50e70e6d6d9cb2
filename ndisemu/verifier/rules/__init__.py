"""All rules, by the groups of the catalogue: one module, or one package, for each group."""

from typing import Final

from ndisemu.verifier.rule import Rule
from ndisemu.verifier.rules import (
    call,
    condis,
    dma,
    interrupt,
    irql,
    memory,
    oid,
    protocol,
    receive,
    send,
    state,
    status,
    timer,
)

RULES: Final[tuple[type[Rule], ...]] = (
    *call.RULES,
    *send.RULES,
    *receive.RULES,
    *dma.RULES,
    *irql.RULES,
    *interrupt.RULES,
    *state.RULES,
    *oid.RULES,
    *status.RULES,
    *timer.RULES,
    *memory.RULES,
    *condis.RULES,
    *protocol.RULES,
)
"""Every rule that is checked, in the order of the catalogue."""

__all__ = ["RULES"]
