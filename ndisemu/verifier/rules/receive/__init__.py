"""The rules of the receive path: who has what was received, what an indication says of it, and how it comes back."""

from typing import Final

from ndisemu.verifier.rule import Rule
from ndisemu.verifier.rules.receive import arriving, flags, indicating, lookahead, returning, showing, touching

RULES: Final[tuple[type[Rule], ...]] = (
    *indicating.RULES,
    *arriving.RULES,
    *showing.RULES,
    *flags.RULES,
    *returning.RULES,
    *lookahead.RULES,
    *touching.RULES,
)

__all__ = ["RULES"]
