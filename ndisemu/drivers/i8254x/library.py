"""What a descriptor ring needs of NDIS, and of the frames to send, whatever the generation of the driver.

A transmit ring of NDIS 5.1 holds NDIS_PACKETs, one of NDIS 6 holds
NET_BUFFERs: both know their bytes as pairs of bus address and length.
"""

from collections.abc import Sequence
from typing import Protocol

from ndisemu.ndis import Allocation, SharedMemory, SpinLock


class RingLibrary(Protocol):
    """The calls of a miniport library that a ring makes."""

    def allocate_shared_memory(
        self, length: int, *, cached: bool = True, alignment: int = 64, purpose: str = "shared memory"
    ) -> SharedMemory | None:
        """Allocate memory for card and driver; None when there is no room."""
        ...

    def allocate_shared_memory_async(
        self, length: int, *, alignment: int = 64, purpose: str = "shared memory"
    ) -> Allocation:
        """Allocate it while the driver goes on."""
        ...

    def free_shared_memory(self, shared: SharedMemory) -> None:
        """Free it."""
        ...

    def allocate_spin_lock(self, name: str = "lock") -> SpinLock:
        """Make a spin lock."""
        ...


class TxFrame(Protocol):
    """A frame to send."""

    @property
    def address(self) -> int:
        """The bus address of the frame, if it is in one piece and not empty; else 0."""
        ...

    @property
    def length(self) -> int:
        """How many bytes it has."""
        ...

    @property
    def segments(self) -> Sequence[tuple[int, int]]:
        """Its bytes, as pairs of bus address and length."""
        ...
