"""The rules of connection-oriented NDIS."""

from typing import Final

from ndisemu.verifier.rule import Rule

RULES: Final[tuple[type[Rule], ...]] = ()
