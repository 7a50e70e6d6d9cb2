"""OID requests as data: NDIS_REQUEST."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Self

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Signal
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.binding import BaseBinding


class OidRequest:
    """`NDIS_REQUEST`: a query with room for `length` bytes, or a set with its `data`.

    `needed` is the whole length of an answer that did not fit. `signal` is
    set at completion where somebody awaits it instead of a callback, `status`
    at the end; `pended` says that the caller has seen PENDING. NDIS's own
    request may be `urgent`: it passes while others are refused. A request
    that has ended may be made again. In NDIS 6 `request_id` is what a cancel
    names (0: it cannot be cancelled), and NDIS itself cancels after `timeout`
    seconds (0: never).
    """

    __slots__ = (
        "_own_data",
        "answered",
        "applied",
        "binding",
        "data",
        "is_set",
        "length",
        "needed",
        "oid",
        "pended",
        "request_id",
        "signal",
        "status",
        "timeout",
        "urgent",
    )

    def __init__(self, oid: Oid, *, is_set: bool, data: bytes, length: int) -> None:
        # Its number is as good as the member.
        self.oid = _NUMBERED.get(oid, oid)
        self.is_set = is_set
        self.data = data
        self.length = length
        self._own_data: bytes | None = None
        self.answered = b""
        self.needed = 0
        self.binding: BaseBinding | None = None
        self.signal: Signal | None = None
        self.applied: Callable[[], None] | None = None
        self.pended = False
        self.status: Status | None = None
        self.request_id = 0
        self.timeout = 0
        self.urgent = False

    def __repr__(self) -> str:
        return f"{'set' if self.is_set else 'query'} of {self.oid}"

    @classmethod
    def query(cls, oid: Oid, length: int) -> Self:
        """Make a query whose InformationBufferLength is `length`."""
        return cls(oid, is_set=False, data=b"", length=length)

    @classmethod
    def set(cls, oid: Oid, data: bytes) -> Self:
        """Make a set of `data`."""
        return cls(oid, is_set=True, data=data, length=len(data))

    def begin(self) -> None:
        """Forget how it ended last time."""
        self.answered = b""
        self.needed = 0
        self.applied = None
        self.pended = False
        self.status = None

    def substitute(self, data: bytes) -> None:
        """Show the miniport `data` instead of what the caller sets, until `restore`."""
        self._own_data, self.data = self.data, data

    def restore(self) -> None:
        """Give the caller its own data back."""
        if self._own_data is not None:
            self.data, self._own_data = self._own_data, None

    def answer(self, data: object) -> Status:
        """Answer a query: SUCCESS, or INVALID_LENGTH with `needed` if it does not fit."""
        if not isinstance(data, bytes | bytearray | memoryview):
            kind = type(data).__name__
            raise RuleViolation(
                "oid-answer-bytes", f"the {self!r} was answered with an object of {kind}; an answer is bytes"
            )
        if len(data) > self.length:
            self.needed = len(data)
            return Status.INVALID_LENGTH
        self.answered = bytes(data)
        return Status.SUCCESS

    def number(self, size: int = 4) -> int | None:
        """Return the data of a set as a little-endian number of `size` bytes; None if it is not that long."""
        return int.from_bytes(self.data, "little") if len(self.data) == size else None


_NUMBERED: Final[Mapping[int, Oid]] = {int(oid): oid for oid in Oid}
