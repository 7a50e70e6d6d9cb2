"""I/O request packets: what one driver asks of the driver below it, and is answered later.

The driver above builds an IRP and sends it down; the driver below completes
it exactly once, at once or later (`pend`). The state says whose it is: the
upper driver's when created and completed, the lower driver's in between.
`TRANSITIONS` is its whole life.

A completion is told as a DPC on the lower device's CPU, in the order of
completion and never nested inside whoever completed: first the completion
routine, then the coroutine that awaits the IRP.

Cancelling is no end. It asks the lower driver, through the cancel routine
that it left with `pend`, to hurry; the IRP is completed like any other, with
STATUS_CANCELLED where nothing came of it.

Not here: stacks of more than two drivers (one stack location is enough),
MDLs, and reuse; an IRP makes one trip.
"""

from collections.abc import Callable, Generator, Mapping
from enum import Enum, IntEnum, unique
from types import MappingProxyType
from typing import Any, Final, Protocol, Self

from ndisemu.errors import RuleViolation
from ndisemu.kernel.cpu import Cpu
from ndisemu.kernel.traps import Signal, Trap


@unique
class NtStatus(IntEnum):
    """NTSTATUS, by Microsoft's names and values (`ntstatus.h`); `str()` gives the full name."""

    SUCCESS = 0x00000000  # Done.
    PENDING = 0x00000103  # The completion will follow.
    BUFFER_OVERFLOW = 0x80000005  # A warning: the data did not fit and was cut.
    INVALID_PARAMETER = 0xC000000D  # An argument is wrong, such as a length.
    INVALID_DEVICE_REQUEST = 0xC0000010  # The device has no such operation.
    DEVICE_NOT_CONNECTED = 0xC000009D  # Nothing is at the other end, or nothing any more.
    CANCELLED = 0xC0000120  # Cancelled before it was done.

    def __str__(self) -> str:
        return f"STATUS_{self.name}"


@unique
class Major(IntEnum):
    """IRP_MJ_*: what is asked for (`wdm.h`)."""

    READ = 0x03
    WRITE = 0x04
    DEVICE_CONTROL = 0x0E
    INTERNAL_DEVICE_CONTROL = 0x0F


class IrpState(Enum):
    """Where an IRP is on its trip."""

    CREATED = "Created"
    SENT = "Sent"
    PENDING = "Pending"
    COMPLETED = "Completed"


class IrpEvent(Enum):
    """What moves an IRP on."""

    SEND = "IoCallDriver"
    PEND = "IoMarkIrpPending"
    COMPLETE = "IoCompleteRequest"


_S, _E = IrpState, IrpEvent

TRANSITIONS: Final[Mapping[IrpState, Mapping[IrpEvent, IrpState]]] = MappingProxyType(
    {
        _S.CREATED: {_E.SEND: _S.SENT},
        _S.SENT: {_E.PEND: _S.PENDING, _E.COMPLETE: _S.COMPLETED},
        _S.PENDING: {_E.COMPLETE: _S.COMPLETED},
        _S.COMPLETED: {},
    }
)


class IoTarget(Protocol):
    """The driver below, as the one above sees it: a device that takes IRPs."""

    @property
    def cpu(self) -> Cpu:
        """Where completions are told, one after the other."""
        ...

    def call(self, irp: "Irp") -> None:
        """Take `irp`: complete it before this returns, or `pend` it and complete it later; IRQL <= DISPATCH."""
        ...

    def close(self) -> None:
        """The driver above is gone: complete what is left, and take no more."""
        ...


class Irp:
    """`IRP`.

    `data` is what to write, or once completed what was read; `length` is how
    much a read has room for. `status` and `information` (bytes moved) are the
    `IoStatus` block: PENDING and 0 until it is completed. `cancelled` says
    that its sender has asked for an early end (`Irp->Cancel`).
    """

    __slots__ = (
        "_cancel_routine",
        "_completed",
        "_cpu",
        "_ended",
        "cancelled",
        "data",
        "information",
        "length",
        "major",
        "queued",
        "state",
        "status",
    )

    def __init__(self, major: Major, data: bytes = b"", *, length: int = 0) -> None:
        self.major = major
        self.data = data
        self.length = length
        self.state = IrpState.CREATED
        self.status = NtStatus.PENDING
        self.information = 0
        self.cancelled = False
        self.queued = False
        self._cancel_routine: Callable[[Irp], None] | None = None
        self._completed: Callable[[Irp], None] | None = None
        self._cpu: Cpu | None = None
        self._ended = Signal()

    def __repr__(self) -> str:
        how = f", {self.status}" if self.state is IrpState.COMPLETED else ", cancelled" if self.cancelled else ""
        return f"<Irp {self.major.name} {self.state.value}{how}>"

    @classmethod
    def read(cls, length: int) -> Self:
        """Make a request for the next `length` bytes, or for the next record up to that length."""
        return cls(Major.READ, length=length)

    @classmethod
    def write(cls, data: bytes) -> Self:
        """Make a request to write `data`."""
        return cls(Major.WRITE, data)

    def __await__(self) -> Generator[Trap, Any, NtStatus]:
        """Wait for the completion; the result is the status."""
        if self.state is IrpState.CREATED:
            raise RuleViolation("irp-await-unsent", f"{self!r} is awaited before it was sent; send it first")
        return self._ended.__await__()

    # What the upper driver does.

    def send(self, target: IoTarget, completed: Callable[["Irp"], None] | None = None) -> None:
        """Give it to the driver below (`IoCallDriver`); `completed` (`IoCompletionRoutine`) is told its end as a DPC."""
        self._apply(IrpEvent.SEND)
        self._cpu = target.cpu
        self._completed = completed
        target.call(self)
        if self.state is IrpState.SENT:
            raise RuleViolation(
                "irp-not-pended", f"{target!r} returned with {self!r} neither completed nor marked pending; do one"
            )

    def cancel(self) -> bool:
        """Ask the driver below to end it soon (`IoCancelIrp`); whether a cancel routine was there to ask."""
        if self.state is IrpState.COMPLETED:
            return False
        self.cancelled = True
        routine, self._cancel_routine = self._cancel_routine, None
        if routine is None:
            return False
        routine(self)
        return True

    # What the lower driver does.

    def pend(self, cancel_routine: Callable[["Irp"], None] | None = None) -> None:
        """Keep it (`IoMarkIrpPending`, `IoSetCancelRoutine`); the routine runs at once if it is cancelled already."""
        self._apply(IrpEvent.PEND)
        if self.cancelled and cancel_routine is not None:
            cancel_routine(self)
        else:
            self._cancel_routine = cancel_routine

    def complete(self, status: NtStatus, information: int = 0) -> None:
        """Give it back to the driver above (`IoCompleteRequest`), exactly once."""
        if status is NtStatus.PENDING:
            raise RuleViolation("irp-complete-pending", f"{self!r} is completed with {status}; a completion is final")
        self._apply(IrpEvent.COMPLETE)
        self.status = status
        self.information = information
        self._cancel_routine = None
        if self._cpu is not None:
            self._cpu.queue_dpc(self)

    def routine(self) -> None:
        """Tell the driver above, as a DPC."""
        if self._completed is not None:
            self._completed(self)
        self._ended.set(self.status)

    def _apply(self, event: IrpEvent) -> None:
        accepted = TRANSITIONS[self.state]
        if event not in accepted:
            legal = ", ".join(other.value for other in accepted) or "nothing more"
            again = event is IrpEvent.COMPLETE and self.state is IrpState.COMPLETED
            raise RuleViolation(
                "irp-double-complete" if again else "irp-state",
                f"{event.value} for {self!r}, which accepts {legal}",
            )
        self.state = accepted[event]
