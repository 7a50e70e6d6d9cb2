"""Peers in turn: one run each per round, every other round backwards, so that a drift of the machine reaches all alike.

A peer that cannot run is not measured and keeps its reason; a run in which
frames were lost is an error.
"""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.peers.peer import Peer, Sample, Unavailable
from ndisemu.bench.measure import calibrate
from ndisemu.errors import InternalError

# The part of a run that warms a peer up.
_WARM_UP = 10

Offer = tuple[str, Callable[[], Peer]]
"""What a peer is called, and the function that returns it or says why it is not there."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One peer at one size: frames per CPU second, run by run; those of all peers were taken together."""

    peer: Peer
    size: int
    rates: tuple[int, ...]

    @property
    def rate(self) -> int:
        """The median of the rates."""
        return int(median(self.rates))

    @property
    def spread(self) -> float:
        """How far the runs lie apart: (highest - lowest) / median."""
        return (max(self.rates) - min(self.rates)) / max(self.rate, 1)

    def beside(self, other: "Measured") -> float:
        """The median of how many times as fast this was as the other in the same round."""
        return median(mine / max(their, 1) for mine, their in zip(self.rates, other.rates, strict=True))


@dataclass(frozen=True, slots=True)
class Session:
    """What one session has found; `missing` maps the peers that could not run to the reason."""

    measured: tuple[Measured, ...]
    missing: dict[str, str]
    runs: int
    calibration: int


def measure(
    offers: Sequence[Offer], sizes: Sequence[int], runs: int, progress: Callable[[int, int], None] | None = None
) -> Session:
    """Let every peer that is there carry frames of each size, `runs` times; `progress` is told how many runs are done."""
    missing: dict[str, str] = {}
    peers = []
    for name, offer in offers:
        try:
            peers.append(_warm(offer(), sizes))
        except Unavailable as error:
            missing[name] = str(error)
    turns: list[tuple[Peer, int, list[int]]] = [(peer, size, []) for peer in peers for size in sizes]
    calibrations = []
    for done in range(runs):
        calibrations.append(calibrate())
        for turn, (peer, size, rates) in enumerate(reversed(turns) if done % 2 else turns, 1):
            if peer.name not in missing:
                try:
                    rates.append(_rate(peer, size, peer.frames))
                except Unavailable as error:
                    missing[peer.name] = str(error)
            if progress is not None:
                progress(done * len(turns) + turn, runs * len(turns))
    measured = tuple(Measured(peer, size, tuple(rates)) for peer, size, rates in turns if peer.name not in missing)
    return Session(measured, missing, runs, int(median(calibrations)))


def _warm(peer: Peer, sizes: Sequence[int]) -> Peer:
    for size in sizes:
        _rate(peer, size, -(-peer.frames // _WARM_UP))
    return peer


def _rate(peer: Peer, size: int, frames: int) -> int:
    """Let a peer carry frames once; returns frames per CPU second."""
    gc.collect()
    sample: Sample = peer.carry(size, frames)
    if sample.arrived != frames:
        raise InternalError(f"{peer.name} carried {sample.arrived} of {frames} frames of {size} bytes")
    return frames * 1_000_000_000 // max(sample.cpu_ns, 1)
