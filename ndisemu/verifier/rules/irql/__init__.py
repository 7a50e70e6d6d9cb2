"""IRQL and locks."""

from typing import Final

from ndisemu.verifier.rule import Rule
from ndisemu.verifier.rules.irql import calls, locks, rwlocks, waits

RULES: Final[tuple[type[Rule], ...]] = (*calls.RULES, *waits.RULES, *locks.RULES, *rwlocks.RULES)

__all__ = ["RULES"]
