"""Links between cards: what carries frames, and how long it takes."""

from ndisemu.link.cable import Cable, CableEnd, Port

__all__ = ["Cable", "CableEnd", "Port"]
