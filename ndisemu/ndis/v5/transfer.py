"""NdisTransferData where only the miniport has the frame: MiniportTransferData, completed exactly once.

Several transfers may be under way at a time: each binding may ask for the
same frame, and the miniport keeps its receive buffer until it has brought
all of them. What ends before NdisTransferData returns is its result; what
ends later goes to ProtocolTransferDataComplete.

MiniportTransferData is entered from inside the indication. On a serialized
adapter that is nested in the entry that indicates and holds the miniport
lock, by design; only when a coroutine resumes, it waits for the lock.

Source: NDIS reference 5.5.1, 1.2 and 0.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.ndis.call import enter
from ndisemu.ndis.constants import MacOption
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.operation import Naming, Operation, Step
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.context import Reader

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter

RULE: Final = "rx5-transfer-data"
NAMING: Final = Naming("MiniportTransferData", "NdisMTransferDataComplete", RULE)


class Transfer(Operation):
    """One transfer of `length` bytes into `packet`; `result` is how it ended, None until then."""

    __slots__ = ("_book", "_moved", "_pended", "_reader", "length", "packet", "result")

    def __init__(self, book: "Transfers", reader: Reader, packet: Packet, length: int) -> None:
        super().__init__(book.adapter, NAMING, self._over)
        self._book = book
        self._reader = reader
        self._pended = False
        self._moved: object = None
        self.packet = packet
        self.length = length
        self.result: tuple[Status, int] | None = None

    def call(self, routine: Callable[[], object]) -> tuple[Status, int]:
        """Call MiniportTransferData, whatever lock is held; returns the result, or PENDING."""
        self._move(Step.ENTER)
        self._turn += 1
        enter(self._driver, routine, partial(self._returned, self._turn), self._raised)
        if self.result is not None:
            return self.result
        self._pended = True
        self._reader.transfers_pending += 1
        return Status.PENDING, 0

    def finish(self, status: Status, transferred: object) -> None:
        """The miniport calls NdisMTransferDataComplete."""
        if not self._fits(transferred):
            raise RuleViolation(
                RULE,
                f"{self._driver.name} completed a transfer of {self.length} bytes with {transferred!r} bytes; "
                "it says how many of them it has brought",
            )
        before, self._moved = self._moved, transferred
        try:
            self.complete(status)
        except RuleViolation:
            self._moved = before
            raise

    def _returned(self, turn: int, value: object, *, suspended: bool) -> None:
        """Take a status, or a pair of it and the bytes that have come."""
        if type(value) is tuple and len(value) == 2 and self.owed:
            value, self._moved = value
        super()._returned(turn, value, suspended=suspended)

    def _over(self, status: Status) -> None:
        moved = self._moved
        if moved is None:
            moved = self.length if status is Status.SUCCESS else 0
        if not isinstance(moved, int) or not self._fits(moved):
            self._driver.report(
                RULE, f"MiniportTransferData returned {moved!r} bytes for {self.length}; none were taken to have come"
            )
            status, moved = Status.FAILURE, 0
        self.result = (status, moved)
        self._book.forget(self)
        self.packet.owner = self._reader
        if self._pended:
            self._reader.transfer_completed(self.packet, status, moved)

    def _fits(self, moved: object) -> bool:
        return isinstance(moved, int) and 0 <= moved <= self.length


class Transfers:
    """The transfers of one adapter that are under way; it owns the packets they fill."""

    __slots__ = ("_pending", "adapter")

    def __init__(self, adapter: "PacketAdapter") -> None:
        self.adapter = adapter
        self._pending: dict[Packet, Transfer] = {}

    def __repr__(self) -> str:
        return f"{self.adapter.name} (transferring)"

    def begin(self, reader: Reader, context: object, offset: int, length: int, packet: Packet) -> tuple[Status, int]:
        """Ask the miniport for bytes of the frame that `context` stands for."""
        adapter = self.adapter
        if adapter.refuses_sends is not None:
            return adapter.refuses_sends, 0
        transfer = self._pending[packet] = Transfer(self, reader, packet, length)
        packet.owner = self
        result = transfer.call(partial(adapter.miniport.transfer_data, packet, context, offset, length))
        if result[0] is Status.PENDING and adapter.mac_options & MacOption.TRANSFERS_NOT_PEND:
            adapter.report(
                RULE,
                f"MiniportTransferData of {adapter.name} pended, and the driver has set MAC_OPTION_TRANSFERS_NOT_PEND",
            )
        return result

    def complete(self, packet: Packet, status: Status, transferred: object) -> None:
        """End the transfer into `packet` (`NdisMTransferDataComplete`), or refuse the call."""
        transfer = self._pending.get(packet)
        if transfer is None:
            name = self.adapter.name
            text = (
                f"{name} called NdisMTransferDataComplete for {packet!r}, into which no transfer is pending; "
                "complete each exactly once, and none whose status MiniportTransferData has returned"
            )
            raise self.adapter.kernel.refusal(RULE, name, text)
        transfer.finish(status, transferred)

    def reclaim(self, status: Status) -> None:
        """End all transfers of a dead miniport, in their order."""
        for transfer in tuple(self._pending.values()):
            transfer.abandon(status)

    def forget(self, transfer: Transfer) -> None:
        """A transfer has ended."""
        del self._pending[transfer.packet]
