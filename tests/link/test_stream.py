"""A device over a stream: READs and WRITEs, cancel, bounds in both directions, and every way in which it ends."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ndisemu import Emulation, run
from ndisemu.errors import InternalError, UsageError
from ndisemu.kernel import Cpu, Irp, Major, NtStatus
from ndisemu.link import Stream, StreamDevice, dial, encode, listen, stream_pair
from ndisemu.link.framing import LONGEST, SHORTEST
from ndisemu.link.stream import BACKLOG

SUCCESS, GONE = NtStatus.SUCCESS, NtStatus.DEVICE_NOT_CONNECTED


class Desk:
    """A device whose stream's other end the test holds, and IRPs to send it."""

    def __init__(self, cpu: Cpu) -> None:
        self.device = StreamDevice("dev", cpu)
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    def attach(self) -> None:
        """Give the device its stream."""
        ours, (self.reader, self.writer) = stream_pair()
        self.device.attach(ours)

    def send(self, irp: Irp) -> Irp:
        """Send an IRP down."""
        irp.send(self.device)
        return irp

    def read(self, length: int = 2000) -> Irp:
        """Ask for a frame."""
        return self.send(Irp.read(length))

    def write(self, data: bytes) -> Irp:
        """Send a frame."""
        return self.send(Irp.write(data))


async def settle() -> None:
    """Let everything happen that can."""
    await asyncio.sleep(1e-6)


def at_desk(test: Callable[[Desk], Awaitable[None]]) -> Callable[[], None]:
    """Run a test that takes a `Desk` under virtual time; nothing is found wrong."""

    @functools.wraps(test)
    def wrapper() -> None:
        async def main() -> None:
            async with Emulation() as emu:
                desk = Desk(emu.host("a").cpus[0])
                desk.attach()
                await test(desk)
                desk.writer.close()
                assert emu.findings == []

        run(main())

    # pytest would look for a fixture `desk`.
    del wrapper.__wrapped__
    return wrapper


def frame(number: int, length: int = 60) -> bytes:
    """Make a frame that tells its number."""
    return number.to_bytes(4, "big").ljust(length, b"\xa5")


@at_desk
async def test_writes_reach_the_stream_in_order(desk: Desk) -> None:
    """Each completes with how much it wrote, and the bytes are the encoded frames."""
    frames = [frame(number, 60 + number) for number in range(10)]
    irps = [desk.write(data) for data in frames]
    await settle()
    assert [(irp.status, irp.information) for irp in irps] == [(SUCCESS, len(data)) for data in frames]
    assert await desk.reader.readexactly(sum(map(len, frames)) + 40) == b"".join(map(encode, frames))
    assert desk.device.frames_out == 10


@at_desk
async def test_reads_take_frames_in_order_whoever_is_first(desk: Desk) -> None:
    """A READ that waits gets the next frame, and a frame that waits the next READ, at once."""
    early = [desk.read() for _ in range(3)]
    desk.writer.write(b"".join(encode(frame(number)) for number in range(5)))
    await settle()
    late = [desk.read() for _ in range(3)]
    assert [irp.data for irp in early + late[:2]] == [frame(number) for number in range(5)]
    assert [irp.status for irp in late] == [SUCCESS, SUCCESS, NtStatus.PENDING]
    assert desk.device.frames_in == 5
    assert repr(desk.device) == "<StreamDevice dev connected: 1 reads, 0 writes pending>"


@at_desk
async def test_a_frame_longer_than_its_read_is_cut(desk: Desk) -> None:
    """STATUS_BUFFER_OVERFLOW says so, and the next frame is whole."""
    cut, whole = desk.read(50), desk.read(60)
    desk.writer.write(encode(frame(1)) + encode(frame(2)))
    await settle()
    assert (cut.status, cut.data, cut.information) == (NtStatus.BUFFER_OVERFLOW, frame(1)[:50], 50)
    assert (whole.status, whole.data) == (SUCCESS, frame(2))


@at_desk
async def test_what_it_cannot_do_is_refused_at_once(desk: Desk) -> None:
    """Other functions, and frames that the stream cannot carry, end before the call returns."""
    assert desk.send(Irp(Major.DEVICE_CONTROL)).status is NtStatus.INVALID_DEVICE_REQUEST
    for length in (SHORTEST - 1, LONGEST + 1):
        assert desk.write(bytes(length)).status is NtStatus.INVALID_PARAMETER
    with pytest.raises(InternalError, match="a second stream"):
        desk.device.attach((desk.reader, desk.writer))


@at_desk
async def test_a_cancelled_read_takes_no_frame(desk: Desk) -> None:
    """The next READ gets what the cancelled one would have had."""
    first, second = desk.read(), desk.read()
    assert first.cancel()
    desk.writer.write(encode(frame(7)))
    await settle()
    assert (first.status, second.data) == (NtStatus.CANCELLED, frame(7))


@at_desk
async def test_a_peer_that_does_not_read_holds_writes_back(desk: Desk) -> None:
    """They pend, can be cancelled one by one without harm to the framing, and go on when the peer reads."""
    irps = [desk.write(frame(number, 60_000)) for number in range(3)]
    await settle()
    late = [desk.write(frame(number)) for number in range(3, 6)]
    await settle()
    assert [irp.status for irp in irps + late] == [NtStatus.PENDING] * 6
    assert irps[1].cancel()
    assert late[1].cancel()
    read = b""
    while len(read) < 3 * 60_004 + 2 * 64:
        read += await desk.reader.read(1 << 20)
        await settle()
    # The burst was handed over whole: cancelling gave up the wait, not the frame.
    numbers = [*range(3), 3, 5]
    assert read == b"".join(encode(frame(number, 60_000 if number < 3 else 60)) for number in numbers)
    assert [irp.status for irp in irps + late] == [SUCCESS, NtStatus.CANCELLED, SUCCESS] * 2


@at_desk
async def test_frames_nobody_reads_are_bounded_and_not_lost(desk: Desk) -> None:
    """The device stops reading its stream, the peer is held back, and every frame is there when it is asked for."""
    total = 8 * BACKLOG
    for number in range(total):
        desk.writer.write(encode(frame(number, 1000)))
    draining = asyncio.create_task(desk.writer.drain())
    await settle()
    assert not draining.done()
    assert BACKLOG <= desk.device.frames_in < 2 * BACKLOG
    for number in range(total):
        irp = desk.read()
        await settle()
        assert irp.data == frame(number, 1000)
    await draining


def end_of_stream(desk: Desk) -> None:
    """Hang up between two frames."""
    desk.writer.close()


def end_in_the_middle(desk: Desk) -> None:
    """Hang up inside a frame."""
    desk.writer.write(encode(frame(9))[:20])
    desk.writer.close()


def oversized(desk: Desk) -> None:
    """Announce what is no frame."""
    desk.writer.write(b"\xff" * 8)


def driver_gone(desk: Desk) -> None:
    """End the driver above."""
    desk.device.close()


ENDS = [
    (end_of_stream, "the peer closed the stream", 0),
    (end_in_the_middle, "the stream ended 20 bytes into the frame at byte 64", 1),
    (oversized, "the peer announced a frame of 4294967295 bytes at byte 64", 1),
    (driver_gone, "closed", 0),
]


@pytest.mark.parametrize(("end", "reason", "bad"), ENDS, ids=[end[0].__name__ for end in ENDS])
def test_every_end_completes_everything(end: Callable[[Desk], None], reason: str, bad: int) -> None:
    """What had arrived is read; all else ends with STATUS_DEVICE_NOT_CONNECTED, then and later; the reason is kept."""

    @at_desk
    async def check(desk: Desk) -> None:
        desk.writer.write(encode(frame(1)))
        reads = [desk.read() for _ in range(3)]
        writes = [desk.write(frame(number, 60_000)) for number in range(5)]
        await settle()
        writes.append(desk.write(frame(5)))
        end(desk)
        await settle()
        assert [irp.status for irp in reads] == [SUCCESS, GONE, GONE]
        assert [irp.status for irp in writes] == [GONE] * 6
        assert (desk.read().status, desk.write(frame(6)).status) == (GONE, GONE)
        assert desk.device.reason is not None
        assert desk.device.reason.startswith(reason)
        assert desk.device.bad_input == bad
        await desk.reader.read(1 << 20)
        assert desk.reader.at_eof()

    check()


def test_a_device_without_its_stream_waits_to_read_and_does_not_write() -> None:
    """READs pend until the stream comes; WRITEs have nowhere to go."""

    async def main() -> None:
        async with Emulation() as emu:
            desk = Desk(emu.host("a").cpus[0])
            assert "not connected" in repr(desk.device)
            read, write = desk.read(), desk.write(frame(1))
            assert (read.status, write.status) == (NtStatus.PENDING, GONE)
            desk.attach()
            desk.writer.write(encode(frame(2)))
            await settle()
            assert read.data == frame(2)
            desk.writer.close()

    run(main())


def test_an_emulation_that_ends_at_once_leaves_no_stream_open() -> None:
    """A stream whose task has not begun is closed all the same."""

    async def main() -> None:
        async with Emulation() as emu:
            desk = Desk(emu.host("a").cpus[0])
            desk.attach()
        await asyncio.sleep(0)
        assert desk.reader.at_eof()
        desk.writer.close()

    run(main())


def test_a_pipe_is_an_asyncio_stream() -> None:
    """Bytes cross in order, a full reader makes `drain` wait, and a closed end drops what comes."""

    async def main() -> None:
        (_, near), (reader, far) = stream_pair()
        near.write(bytes(1 << 18))
        draining = asyncio.create_task(near.drain())
        await settle()
        assert not draining.done()
        assert len(await reader.readexactly(1 << 18)) == 1 << 18
        await draining
        near.write(b"end")
        near.close()
        near.close()
        near.write(b"lost")
        far.write(b"lost")
        assert near.is_closing()
        assert await reader.read() == b"end"
        far.close()
        await asyncio.gather(near.wait_closed(), far.wait_closed())

    run(main())


def test_a_unix_socket_takes_one_peer_and_goes_away(tmp_path: Path) -> None:
    """The first who dials is accepted, the second is not, and the file is gone."""
    path = str(tmp_path / "wire")

    async def main() -> None:
        accepted: list[Stream] = []
        listening = asyncio.create_task(await listen(path, accepted.append))
        first, second = await dial(path), await dial(path)
        assert await second[0].read() == b""
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        accepted[0][1].write(b"hello")
        assert await first[0].readexactly(5) == b"hello"
        for _, writer in (accepted[0], first, second):
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
    assert not Path(path).exists()


def test_a_unix_socket_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    """Nobody listening, and a directory that is not there, are the user's mistakes, in one sentence each."""
    path = str(tmp_path / "nowhere" / "wire")

    async def main() -> None:
        with pytest.raises(UsageError, match=f"nobody can be reached at the unix socket {path}: No such file"):
            await dial(path)
        with pytest.raises(UsageError, match=f"nobody can listen at the unix socket {path}: No such file"):
            await (await listen(path, lambda _: None))

    asyncio.run(main())
