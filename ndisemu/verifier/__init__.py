"""The checked build: rules that watch the border between drivers and NDIS, and never influence a run.

`Verifier` watches the adapters of one emulation; a `Rule` is one sentence of
the catalogue; `Ledger` knows the past of every packet, list, request and block.
"""

from ndisemu.verifier.catalogue import Entry, by_id, choose, entries
from ndisemu.verifier.ledger import Track
from ndisemu.verifier.rule import Refused, Rule
from ndisemu.verifier.rules import RULES
from ndisemu.verifier.verifier import EVERYTHING, Verification, Verifier

__all__ = [
    "EVERYTHING",
    "RULES",
    "Entry",
    "Refused",
    "Rule",
    "Track",
    "Verification",
    "Verifier",
    "by_id",
    "choose",
    "entries",
]
