"""Whole frames out of ProtocolReceive, in the order in which they were shown.

What the lookahead holds completely is copied at once. For the rest of a
longer frame NdisTransferData is asked, which may pend; frames shown
meanwhile wait behind it. A protocol with no packet left to transfer into
lets the frame go, as real ones do, and counts it.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from ndisemu.ndis import Packet, Status
from ndisemu.ndis.v5 import Binding, ReceiveContext

PACKETS: Final = 32


class _Shown:
    """A frame that was shown: its header, and all of it once that has come."""

    __slots__ = ("failed", "frame", "header")

    def __init__(self, header: bytes) -> None:
        self.header = header
        self.frame: bytes | None = None
        self.failed = False


class Gathering:
    """The frames shown to one binding; `arrived` is given each as it is whole, `missed` counts those let go."""

    def __init__(self, binding: Binding, arrived: Callable[[bytes], None]) -> None:
        self._binding = binding
        self._arrived = arrived
        self._line: deque[_Shown] = deque()
        self._free: list[Packet] | None = None
        self._coming: dict[Packet, _Shown] = {}
        self.missed = 0

    def take(self, context: ReceiveContext, header: memoryview, lookahead: memoryview, packet_size: int) -> Status:
        """Take the frame that ProtocolReceive is shown; returns what that returns."""
        shown = _Shown(bytes(header))
        if len(lookahead) == packet_size:
            shown.frame = shown.header + bytes(lookahead)
        elif not self._transfer(context, shown, packet_size):
            self.missed += 1
            return Status.NOT_ACCEPTED
        self._line.append(shown)
        self._move_up()
        return Status.SUCCESS

    def transferred(self, packet: Packet, status: Status, count: int) -> None:
        """ProtocolTransferDataComplete: the rest of a frame has come, or never will."""
        self._end(packet, status, count)
        self._move_up()

    def _transfer(self, context: ReceiveContext, shown: _Shown, size: int) -> bool:
        """Ask for what is behind the header; returns whether it will come, or has come."""
        if self._free is None:
            longest = self._binding.adapter.maximum_total_size
            self._free = self._binding.allocate_packets(PACKETS, longest)
        if not self._free or size > self._binding.adapter.maximum_total_size:
            return False
        packet = self._free.pop()
        packet.resize(size)
        self._coming[packet] = shown
        status, count = self._binding.transfer_data(context, 0, size, packet)
        if status is not Status.PENDING:
            self._end(packet, status, count)
        return not shown.failed

    def _end(self, packet: Packet, status: Status, count: int) -> None:
        shown = self._coming.pop(packet)
        if status is Status.SUCCESS and count == packet.length:
            shown.frame = shown.header + packet.read()
        else:
            shown.failed = True
        if self._free is not None:
            self._free.append(packet)

    def _move_up(self) -> None:
        """Hand on what is whole, as far as nothing before it is still to come."""
        line = self._line
        while line and (line[0].failed or line[0].frame is not None):
            shown = line.popleft()
            if shown.frame is None:
                self.missed += 1
            else:
                self._arrived(shown.frame)
