"""The rules of an adapter's states: start, pause, restart, halt, reset, shutdown and removal."""

from typing import Final

from ndisemu.verifier.rule import Rule

RULES: Final[tuple[type[Rule], ...]] = ()
