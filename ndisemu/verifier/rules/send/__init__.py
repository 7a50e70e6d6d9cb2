"""The rules of the send path: who owns what is being sent, how each send ends, and when."""

from typing import Final

from ndisemu.verifier.rule import Rule
from ndisemu.verifier.rules.send import completion, fields, lists, resources, serialized, timing, wire

RULES: Final[tuple[type[Rule], ...]] = (
    *completion.RULES,
    *serialized.RULES,
    *resources.RULES,
    *lists.RULES,
    *fields.RULES,
    *wire.RULES,
    *timing.RULES,
)

__all__ = ["RULES"]
