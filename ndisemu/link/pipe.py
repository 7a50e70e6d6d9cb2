"""An asyncio stream inside one process: what one end writes, the other end reads, and nothing real is involved.

Bytes move at once and in order, from the writer's call into the reader's
buffer, so under virtual time a run repeats. A reader that has enough makes
`drain` wait at the other end, as a full socket would.

Not here: rate and delay; a pipe has none.
"""

import asyncio

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class PipeTransport(asyncio.Transport):
    """One end, under an asyncio stream; `peer` is the other."""

    def __init__(self, protocol: asyncio.StreamReaderProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._closing = False
        self.peer = self

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Put bytes into the peer's buffer, unless one of the two has closed."""
        if not (self._closing or self.peer._closing):
            self.peer._protocol.data_received(bytes(data))

    def pause_reading(self) -> None:
        """The reader here has enough: the peer's `drain` waits."""
        self.peer._protocol.pause_writing()

    def resume_reading(self) -> None:
        """The reader here has room again."""
        self.peer._protocol.resume_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered on the writing side."""

    def is_closing(self) -> bool:
        """Whether this end is closed."""
        return self._closing

    def close(self) -> None:
        """End both directions; the peer reads what it has, and then the end of the stream."""
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)
            if not self.peer._closing:
                self.peer._protocol.eof_received()

    def abort(self) -> None:
        """As `close`: nothing waits to be flushed."""
        self.close()


def stream_pair() -> tuple[Stream, Stream]:
    """Make two connected asyncio streams, to be called in a running loop."""
    loop = asyncio.get_running_loop()
    readers = [asyncio.StreamReader(loop=loop) for _ in range(2)]
    protocols = [asyncio.StreamReaderProtocol(reader, loop=loop) for reader in readers]
    ends = [PipeTransport(protocol) for protocol in protocols]
    ends[0].peer, ends[1].peer = ends[1], ends[0]
    for end, protocol in zip(ends, protocols, strict=True):
        protocol.connection_made(end)
    a, b = (
        (reader, asyncio.StreamWriter(end, protocol, reader, loop))
        for reader, protocol, end in zip(readers, protocols, ends, strict=True)
    )
    return a, b
