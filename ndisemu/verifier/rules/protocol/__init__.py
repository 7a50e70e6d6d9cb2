"""The rules of protocols: what they send, their bindings, their requests."""

from typing import Final

from ndisemu.verifier.rule import Rule
from ndisemu.verifier.rules.protocol import binding, requests, sending

RULES: Final[tuple[type[Rule], ...]] = (*sending.RULES, *binding.RULES, *requests.RULES)

__all__ = ["RULES"]
