"""A device that carries frames over an asyncio stream: the driver below a miniport with a WDM lower edge.

It takes WRITE IRPs, completed when the frame has been handed to the stream's
other side and its buffers, and READ IRPs, completed with the next frame. The
stream is any pair of asyncio reader and writer: a pipe in memory (`pipe`), a
unix socket (`unix`), TCP.

Two worlds meet here. The stream's tasks run in asyncio and move bytes; IRPs
are completed by one item of the kernel, `_serve`, which does whatever can be
done now, so the order in which items run never matters. Both directions are
bounded: a reader with `BACKLOG` frames nobody asked for stops reading, and a
writer drains each burst before it takes the next.

What ends one direction ends the device, for good: end of stream, an error of
the transport, or framing that makes no sense. `reason` says which; all IRPs
then complete with STATUS_DEVICE_NOT_CONNECTED, reads after the frames that
had arrived.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ndisemu.errors import InternalError
from ndisemu.kernel import Cpu, Irp, Major, NtStatus
from ndisemu.link.framing import LONGEST, SHORTEST, FrameDecoder, encode
from ndisemu.link.pipe import Stream

# Frames that have arrived before they were asked for; more stay in the stream.
BACKLOG: Final = 256
CHUNK: Final = 65536


class StreamDevice:
    """One end of a stream, as a device that takes IRPs (`IoTarget`).

    `frames_in`, `frames_out` and `bytes_out` count what the stream carried, `bad_input` what was none; of the frames
    that came, `delivered` went up whole, `cut` in part. `sent` and `received` are told of frames as they pass.
    `reason` is None until the device has ended.
    """

    def __init__(self, name: str, cpu: Cpu) -> None:
        self.name = name
        self.cpu = cpu
        self.reason: str | None = None
        self.frames_in = 0
        self.frames_out = 0
        self.bytes_out = 0
        self.bad_input = 0
        self.delivered = 0
        self.cut = 0
        self.sent: Callable[[Sequence[bytes], Sequence[int]], None] | None = None
        self.received: Callable[[Sequence[bytes], Sequence[int]], None] | None = None
        self._kernel = cpu.kernel
        self._attached = False
        self._frames: deque[bytes] = deque()
        # Each IRP that pends is in one of these, oldest first.
        self._reads: dict[Irp, None] = {}
        self._writes: dict[Irp, None] = {}
        self._burst: dict[Irp, None] = {}
        self._written: dict[Irp, None] = {}
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = asyncio.Event()

    def __repr__(self) -> str:
        state = self.reason or ("connected" if self._attached else "not connected")
        pending = len(self._writes) + len(self._burst)
        return f"<StreamDevice {self.name} {state}: {len(self._reads)} reads, {pending} writes pending>"

    def attach(self, stream: Stream) -> None:
        """Carry frames over `stream` from now on, in a task of the kernel's."""
        spawn = self._kernel.spawn
        if self._attached or spawn is None:
            raise InternalError(f"{self!r} was given a second stream, or one without an emulation that runs")
        self._attached = True
        spawn(self._carry(*stream), f"{self.name} stream")

    @property
    def waiting(self) -> int:
        """How many frames have come that nobody has asked for yet."""
        return len(self._frames)

    @property
    def reading(self) -> int:
        """How many READs wait for a frame."""
        return len(self._reads)

    # The device's upper side, called by the driver above.

    def call(self, irp: Irp) -> None:
        """Take a READ or a WRITE; anything else is refused."""
        if irp.major is Major.READ:
            self._reads[irp] = None
            irp.pend(self._cancel)
            self._serve()
        elif irp.major is not Major.WRITE:
            irp.complete(NtStatus.INVALID_DEVICE_REQUEST)
        elif not SHORTEST <= len(irp.data) <= LONGEST:
            irp.complete(NtStatus.INVALID_PARAMETER)
        elif not self._attached or self.reason is not None:
            irp.complete(NtStatus.DEVICE_NOT_CONNECTED)
        else:
            self._writes[irp] = None
            irp.pend(self._cancel)
            self._work.set()

    def close(self) -> None:
        """The driver above is gone: end the stream."""
        self._end("closed")

    def _cancel(self, irp: Irp) -> None:
        """Forget an IRP; a frame that has been handed to the stream cannot be taken back, only the wait for it."""
        for queue in (self._reads, self._writes, self._burst, self._written):
            queue.pop(irp, None)
        irp.complete(NtStatus.CANCELLED)

    def _serve(self) -> None:
        """Complete what can be completed now."""
        while self._written:
            irp = _first(self._written)
            irp.complete(NtStatus.SUCCESS, len(irp.data))
        while self._reads and self._frames:
            frame, irp = self._frames.popleft(), _first(self._reads)
            irp.data = frame[: irp.length]
            whole = len(frame) <= irp.length
            self.delivered += whole
            self.cut += not whole
            irp.complete(NtStatus.SUCCESS if whole else NtStatus.BUFFER_OVERFLOW, len(irp.data))
        if len(self._frames) < BACKLOG:
            self._room.set()
        if self.reason is not None:
            for queue in (self._burst, self._writes, self._reads):
                while queue:
                    _first(queue).complete(NtStatus.DEVICE_NOT_CONNECTED)

    # The device's lower side, in asyncio.

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry frames both ways until one way ends, and then end both."""
        # A frame counts as written when it has left this process.
        writer.transport.set_write_buffer_limits(0)
        ways = [
            asyncio.create_task(way, name=f"{self.name} {name}")
            for name, way in (("in", self._receive(reader)), ("out", self._send(writer)), ("end", self._wait_for_end()))
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            self._end(next(way.result() for way in ways if way.done()))
        finally:
            self._end("closed")
            # Before the first await, for that may be cancelled in its turn.
            writer.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            with suppress(OSError):
                await writer.wait_closed()

    async def _receive(self, reader: asyncio.StreamReader) -> str:
        """Take frames until the stream ends; returns why it did."""
        decoder = FrameDecoder()
        try:
            while decoder.error is None and (data := await reader.read(CHUNK)):
                frames = decoder.feed(data)
                self.frames_in += len(frames)
                if self.received is not None and frames:
                    self.received(frames, [self._kernel.now] * len(frames))
                self._frames.extend(frames)
                self._kernel.submit(self._serve)
                while len(self._frames) >= BACKLOG:
                    self._room.clear()
                    await self._room.wait()
        except OSError as error:
            return f"reading failed: {error}"
        decoder.end()
        if decoder.error is not None:
            self.bad_input += 1
        return decoder.error or "the peer closed the stream"

    async def _send(self, writer: asyncio.StreamWriter) -> str:
        """Write what waits, burst by burst; returns why that ended."""
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                self._burst, self._writes = self._writes, self._burst
                frames = [irp.data for irp in self._burst]
                if self.sent is not None and frames:
                    self.sent(frames, [self._kernel.now] * len(frames))
                writer.write(b"".join(map(encode, frames)))
                self.frames_out += len(frames)
                self.bytes_out += sum(map(len, frames))
                await writer.drain()
                self._written.update(self._burst)
                self._burst.clear()
                self._kernel.submit(self._serve)
        except OSError as error:
            return f"writing failed: {error}"

    async def _wait_for_end(self) -> str:
        await self._closed.wait()
        return "closed"

    def _end(self, reason: str) -> None:
        """End the device, once; the first reason stands."""
        if self.reason is None:
            self.reason = reason
            self._closed.set()
            self._kernel.submit(self._serve)


def _first(queue: dict[Irp, None]) -> Irp:
    """Take the oldest IRP out of `queue`."""
    irp = next(iter(queue))
    del queue[irp]
    return irp
