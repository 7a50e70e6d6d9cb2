"""The two edges at which NET_BUFFER_LISTs change hands inside NDIS, as protocols in the sense of typing.

A binding of an NDIS 6 protocol is an `NblUpper` over an `NblLower`. Where
both are of one generation the lower one is the adapter itself; a translator
is the one or the other where they are not.
"""

from collections.abc import Sequence
from typing import Protocol

from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.filter import BindingFilter
from ndisemu.ndis.status import Status


class NblUpper(Protocol):
    """Who sends lists to an NDIS 6 adapter and is given what it receives; it owns the lists it sends."""

    name: str
    filter: BindingFilter
    sends_pending: int
    receives_held: int

    def sends_completed(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Take back lists that were sent, each with its own status; at any IRQL <= DISPATCH."""
        ...

    def received(self, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Take lists until they are released, or with the flag RESOURCES only look at them now."""
        ...


class NblLower(Protocol):
    """What an NDIS 6 binding sends to, and returns received lists to."""

    def submit(self, upper: NblUpper, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Send lists; each comes back through `sends_completed`, also before this returns."""
        ...

    def refuse(self, upper: NblUpper, nbls: Sequence[NetBufferList], status: Status) -> None:
        """Complete lists with `status`, unsent."""
        ...

    def cancel(self, upper: NblUpper, cancel_id: int) -> None:
        """Complete with SEND_ABORTED what is still queued under this id."""
        ...

    def release(self, upper: NblUpper, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Give received lists back."""
        ...
