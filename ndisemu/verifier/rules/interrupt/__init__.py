"""Interrupts and DPCs: their registration, and what service routines and DPCs do."""

from typing import Final

from ndisemu.verifier.rule import Rule
from ndisemu.verifier.rules.interrupt import registering, reviving, service

RULES: Final[tuple[type[Rule], ...]] = (*service.RULES, *reviving.RULES, *registering.RULES)

__all__ = ["RULES"]
