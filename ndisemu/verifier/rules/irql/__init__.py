"""IRQL and spin locks."""

from typing import Final

from ndisemu.verifier.rule import Rule
from ndisemu.verifier.rules.irql import calls, locks

RULES: Final[tuple[type[Rule], ...]] = (*calls.RULES, *locks.RULES)

__all__ = ["RULES"]
