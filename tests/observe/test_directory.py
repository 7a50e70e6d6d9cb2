"""The run directory: large blocks, and clear words when the disk does not want them."""

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import ndisemu
from ndisemu.errors import UsageError
from ndisemu.observe import RunDirectory
from ndisemu.observe.directory import BLOCK

FULL = Path("/dev/full")

Main = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture(params=["virtual", "real"])
def execute(request: pytest.FixtureRequest) -> Callable[[Main], None]:
    """Run a coroutine under the virtual loop, and under asyncio's own."""
    drive: Callable[[Coroutine[Any, Any, None]], None] = ndisemu.run if request.param == "virtual" else asyncio.run
    return lambda main: drive(main())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_what_is_appended_is_in_the_file_in_order(tmp_path: Path, execute: Callable[[Main], None]) -> None:
    """Small pieces and large ones end up behind each other, in a directory that is made with its parents."""
    pieces = [bytes([number]) * size for number, size in enumerate((1, BLOCK, 0, 3 * BLOCK, 17))]

    async def main() -> None:
        async with RunDirectory(tmp_path / "x" / "y") as directory:
            file = await directory.open("data")
            for piece in pieces:
                file.append(piece)
                await asyncio.sleep(0)
            await directory.write("result.json", b"{}")

    execute(main)
    assert (tmp_path / "x" / "y" / "data").read_bytes() == b"".join(pieces)
    assert (tmp_path / "x" / "y" / "result.json").read_bytes() == b"{}"


def test_an_old_file_is_replaced(tmp_path: Path, execute: Callable[[Main], None]) -> None:
    """A second run into the same directory leaves nothing of the first one's files."""
    (tmp_path / "data").write_bytes(b"old and long")

    async def main() -> None:
        async with RunDirectory(tmp_path) as directory:
            await directory.write("data", b"new")

    execute(main)
    assert (tmp_path / "data").read_bytes() == b"new"


async def test_a_full_block_is_written_while_the_run_goes_on(tmp_path: Path) -> None:
    """Nothing is written below a block; once there is one, a task writes it without being asked."""
    async with RunDirectory(tmp_path) as directory:
        file = await directory.open("data")
        file.append(bytes(BLOCK - 1))
        await asyncio.sleep(0.05)
        assert (tmp_path / "data").stat().st_size == 0
        file.append(b"\0")
        async with asyncio.timeout(10):
            while not (tmp_path / "data").stat().st_size:  # noqa: ASYNC110 - only the file system tells
                await asyncio.sleep(0.01)
        assert not file._blocks


@pytest.mark.parametrize(
    ("place", "reason"),
    [("file", "File exists"), ("file/below", "Not a directory"), ("n" * 300, "File name too long")],
)
def test_a_directory_that_cannot_be_made_is_named(
    tmp_path: Path, place: str, reason: str, execute: Callable[[Main], None]
) -> None:
    """The message has the path as the user gave it, and why."""
    (tmp_path / "file").touch()

    async def main() -> None:
        async with RunDirectory(tmp_path / place):
            raise AssertionError

    with pytest.raises(UsageError, match="cannot be made") as caught:
        execute(main)
    assert str(caught.value) == f"{tmp_path / place} cannot be made: {reason}"


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, execute: Callable[[Main], None]) -> None:
    """A directory in the place of a file is refused when the file is opened."""
    (tmp_path / "data").mkdir()

    async def main() -> None:
        async with RunDirectory(tmp_path) as directory:
            await directory.open("data")

    with pytest.raises(UsageError) as caught:
        execute(main)
    assert str(caught.value) == f"{tmp_path / 'data'} cannot be written: Is a directory"


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full, a device without room")
@pytest.mark.parametrize("size", [10, BLOCK, 5 * BLOCK])
def test_a_full_disk_is_told_with_the_file_at_the_end(
    tmp_path: Path, size: int, execute: Callable[[Main], None]
) -> None:
    """The emulation is not disturbed; leaving names the first file that could not be written, and closes all."""
    (tmp_path / "events.jsonl").symlink_to(FULL)
    before = descriptors()
    reached = []

    async def main() -> None:
        async with RunDirectory(tmp_path) as directory:
            good = await directory.open("good")
            bad = await directory.open("events.jsonl")
            for _ in range(3):
                bad.append(bytes(size))
                good.append(b"x")
                await asyncio.sleep(0.01)
            reached.append(True)

    with pytest.raises(UsageError) as caught:
        execute(main)
    assert str(caught.value) == f"{tmp_path / 'events.jsonl'} cannot be written: No space left on device"
    assert reached == [True]
    assert (tmp_path / "good").read_bytes() == b"xxx"
    assert descriptors() == before


def test_a_write_that_has_begun_is_not_lost_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving waits for a slow disk, and what was appended meanwhile is written behind it."""

    async def main() -> None:
        async with RunDirectory(tmp_path) as directory:
            file = await directory.open("data")
            write = file._file.write

            async def slowly(data: bytes) -> int:
                await asyncio.sleep(1)
                return await write(data)

            monkeypatch.setattr(file._file, "write", slowly, raising=False)
            file.append(b"a" * BLOCK)
            await asyncio.sleep(0.5)
            file.append(b"b")

    ndisemu.run(main())
    assert (tmp_path / "data").read_bytes() == b"a" * BLOCK + b"b"


def test_a_failed_write_keeps_no_bytes_and_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is dropped, not gathered until memory is full; the first failure is the one reported."""
    errors = iter([errno.EIO, errno.ENOSPC])

    async def main() -> None:
        async with RunDirectory(tmp_path) as directory:
            file = await directory.open("data")

            async def write(_data: bytes) -> int:
                number = next(errors)
                raise OSError(number, os.strerror(number))

            monkeypatch.setattr(file._file, "write", write, raising=False)
            for _ in range(2):
                file.append(bytes(BLOCK))
                await asyncio.sleep(0.01)
                assert not file._blocks

    with pytest.raises(UsageError, match="data cannot be written: Input/output error"):
        ndisemu.run(main())


def test_a_cancelled_run_still_has_its_bytes_and_leaves_nothing_open(
    tmp_path: Path, execute: Callable[[Main], None]
) -> None:
    """Cancellation writes and closes everything, and is passed on."""
    before = descriptors()
    left: list[object] = []

    async def body() -> None:
        async with RunDirectory(tmp_path) as directory:
            (await directory.open("data")).append(b"so far")
            await asyncio.get_running_loop().create_future()

    async def main() -> None:
        task = asyncio.create_task(body())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left.extend(asyncio.all_tasks() - {asyncio.current_task()})

    execute(main)
    assert (tmp_path / "data").read_bytes() == b"so far"
    assert left == []
    assert descriptors() == before


def test_a_failure_of_the_run_itself_comes_first(tmp_path: Path) -> None:
    """An error inside the block is not hidden behind a disk that was full as well."""
    (tmp_path / "data").symlink_to(FULL)

    async def main() -> None:
        async with RunDirectory(tmp_path) as directory:
            await directory.write("data", b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ndisemu.run(main())
