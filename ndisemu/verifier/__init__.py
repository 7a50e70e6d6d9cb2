"""The checked build: rules that watch the border between drivers and NDIS, and never influence a run."""

from ndisemu.verifier.irql import IrqlRules

__all__ = ["IrqlRules"]
