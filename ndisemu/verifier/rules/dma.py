"""The rules of shared memory and DMA."""

from typing import Final

from ndisemu.verifier.rule import Rule

RULES: Final[tuple[type[Rule], ...]] = ()
