"""The rules of the send path: who owns what is being sent, how each send ends, and when."""

from typing import Final

from ndisemu.verifier.rule import Rule
from ndisemu.verifier.rules.send import (
    cancel,
    completion,
    fields,
    lists,
    order,
    resources,
    serialized,
    timing,
    unsent,
    wire,
)

RULES: Final[tuple[type[Rule], ...]] = (
    *completion.RULES,
    *serialized.RULES,
    *resources.RULES,
    *lists.RULES,
    *cancel.RULES,
    *fields.RULES,
    *wire.RULES,
    *order.RULES,
    *unsent.RULES,
    *timing.RULES,
)

__all__ = ["RULES"]
