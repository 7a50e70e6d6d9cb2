"""The rules of reader/writer locks, which the lock itself keeps."""

from typing import Final

from ndisemu.verifier.rule import Model, Refused, Rule


class RwLockNoUpgrade(Refused):
    """A processor that reads under a lock releases it before it takes it to write."""

    id = "rwlock-no-upgrade"
    models = Model.NDIS6
    source = "DDK: NdisAcquireRWLockRead"
    why = "The writer waits until nobody reads, and the reader is itself: it waits for ever."


class RwLockSameCpu(Refused):
    """A reader/writer lock is released on the processor on which it was taken."""

    id = "rwlock-same-cpu"
    models = Model.NDIS6
    source = "DDK: NdisReleaseRWLock"
    why = (
        "Each processor counts its own readers. One count stays above zero, so that no writer ever gets in, and the "
        "other falls below."
    )


class RwLockBalanced(Refused):
    """Each taking of a reader/writer lock is released once, by the code that has taken it, before it returns."""

    id = "rwlock-balanced"
    models = Model.NDIS6
    source = "DDK: NdisReleaseRWLock"
    why = "What is never released keeps every writer out for good, and what is released twice lets one in beside a reader."


RULES: Final[tuple[type[Rule], ...]] = (RwLockNoUpgrade, RwLockSameCpu, RwLockBalanced)
