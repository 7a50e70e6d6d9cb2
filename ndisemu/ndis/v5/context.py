"""What ProtocolReceive is shown of one frame, and how it gets the rest: the MacReceiveContext of NDIS 5.x.

A protocol sees the header and the lookahead, and asks for more with
NdisTransferData, which counts its offsets from behind the header. Both views
are released when ProtocolReceive returns: touching one later raises
`ValueError`, as on Windows the buffers would hold another frame by then. For
as long as ProtocolReceive runs, `reader` is the binding it runs for; nobody
else may use the context, and nobody at any other time.

Not here: frames that only the miniport has; see `v5.lookahead`.

Source: NDIS reference 5.5.1, 5.5.2 and 3.2.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.status import Status


class Reader(Protocol):
    """Who looks at a frame and asks for the rest of it; `transfers_pending` counts what it waits for."""

    transfers_pending: int

    def transfer_completed(self, packet: Packet, status: Status, transferred: int) -> None:
        """Take back a packet into which data was transferred."""
        ...


Receive = Callable[["ReceiveContext", memoryview, memoryview, int], object]


class ReceiveContext(ABC):
    """One frame as protocols are shown it; to them it is opaque.

    `packet` is what lies behind it, None where the miniport keeps the frame;
    `packet_size` counts the bytes behind the header.
    """

    __slots__ = ("_header", "_lookahead", "packet", "packet_size", "reader")

    def __init__(self, header: bytes, lookahead: bytes, packet_size: int, packet: Packet | None = None) -> None:
        self._header = header
        self._lookahead = lookahead
        self.packet_size = packet_size
        self.packet = packet
        self.reader: Reader | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._lookahead)} of {self.packet_size} bytes behind the header>"

    def show(self, reader: Reader, receive: Receive) -> object:
        """Run `receive`, the reader's ProtocolReceive; header and lookahead are valid until it returns."""
        header, lookahead = memoryview(self._header), memoryview(self._lookahead)
        self.reader = reader
        try:
            return receive(self, header, lookahead, self.packet_size)
        finally:
            self.reader = None
            for view in (header, lookahead):
                # One that another object of the protocol's looks through is a view of a copy all the same.
                with suppress(BufferError):
                    view.release()

    @abstractmethod
    def transfer(self, reader: Reader, offset: int, length: int, packet: Packet) -> tuple[Status, int]:
        """Bring bytes of the frame into the reader's packet; returns a status, and how many have come."""


class PacketContext(ReceiveContext):
    """A frame that lies in a packet: what is transferred NDIS copies itself."""

    __slots__ = ("_source", "_start")

    def __init__(self, packet: Packet) -> None:
        start = packet.oob.header_size
        first = b"" if packet.head is None else packet.head.read()
        header = first[:start] if len(first) >= start else packet.read()[:start]
        super().__init__(header, first[start:], max(packet.length - start, 0), packet)
        self._source = packet
        self._start = start

    def transfer(self, reader: Reader, offset: int, length: int, packet: Packet) -> tuple[Status, int]:
        """Copy, at once."""
        begin = self._start + offset
        packet.put(self._source.read()[begin : begin + length])
        return Status.SUCCESS, length
