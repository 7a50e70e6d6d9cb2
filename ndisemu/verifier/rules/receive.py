"""The rules of the receive path: who owns what is being received, and what an indication says of it."""

from typing import Final

from ndisemu.verifier.rule import Rule

RULES: Final[tuple[type[Rule], ...]] = ()
