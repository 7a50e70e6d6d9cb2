"""An adapter's states: start, pause, restart, reset, halt and shutdown, surprise removal, hang checks."""

from typing import Final

from ndisemu.verifier.rule import Rule
from ndisemu.verifier.rules.state import failure, halt, hang, pause, reset, start

RULES: Final[tuple[type[Rule], ...]] = (
    *start.RULES,
    *pause.RULES,
    *reset.RULES,
    *halt.RULES,
    *hang.RULES,
    *failure.RULES,
)

__all__ = ["RULES"]
