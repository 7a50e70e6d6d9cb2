"""What a peer is: a name, a version, what it does to a frame, and a way to let it carry some.

A module of a peer has a function that returns a `Peer`, or raises
`Unavailable` with the reason why it cannot run here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from time import process_time_ns
from typing import NamedTuple


class Unavailable(Exception):
    """A peer cannot run here; the text says why, and what it needs."""


class Sample(NamedTuple):
    """One run: how many frames arrived, and the CPU time that took in ns; setting up is not in it."""

    arrived: int
    cpu_ns: int


@dataclass(frozen=True, slots=True)
class Peer:
    """A system that carries frames; `carry(size, frames)` lets it, and `frames` are enough to be measured.

    `promised` says that ndisemu should be at least as fast.
    """

    name: str
    version: str
    does: str
    frames: int
    carry: Callable[[int, int], Sample]
    promised: bool = False


def version_of(package: str) -> str:
    """Return the version of an installed package.

    Raises:
        Unavailable: It is not installed.
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        raise Unavailable(f"{package} is not installed; make bench-peers installs it") from None


def cpu_time(work: Callable[[], object]) -> int:
    """Return the CPU time in ns that `work` takes, user and system."""
    started = process_time_ns()
    work()
    return process_time_ns() - started
