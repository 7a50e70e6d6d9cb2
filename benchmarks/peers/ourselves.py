"""ndisemu itself, and the bare prototype of the same way."""

from importlib import metadata
from typing import Final

from benchmarks import reference
from benchmarks.peers.peer import Peer, Sample
from ndisemu.bench import Load, send_through

BURST: Final = 64
_FRAMES: Final = 60_000


def through_ndisemu(size: int, frames: int) -> Sample:
    """Send so many frames over the whole path."""
    passage = send_through(Load(size, BURST, frames))
    return Sample(passage.compared, passage.cpu_ns)


def through_reference(size: int, frames: int) -> Sample:
    """Send so many frames through the prototype, which refuses to end well with one less."""
    return Sample(frames, reference.send_through(size, BURST, frames))


def ndisemu() -> Peer:
    """The reference miniport `ring` on the 82540EM, free build."""
    return Peer(
        "ndisemu",
        metadata.version("ndisemu"),
        f"NDIS 5.1 miniport `ring` on the whole 82540EM at both ends, bursts of {BURST}; 4 copies, every frame compared",
        _FRAMES,
        through_ndisemu,
    )


def prototype() -> Peer:
    """The path without NDIS, kernel and registers."""
    return Peer(
        "bare prototype",
        "benchmarks/reference",
        f"rings, DMA, link, interrupt, DPC and ownership only, one burst of {BURST} at a time; 4 copies, every frame compared",
        _FRAMES,
        through_reference,
    )
