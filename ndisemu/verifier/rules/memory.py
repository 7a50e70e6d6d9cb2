"""The rules of memory, pools and handles."""

from typing import Final

from ndisemu.verifier.rule import Rule

RULES: Final[tuple[type[Rule], ...]] = ()
