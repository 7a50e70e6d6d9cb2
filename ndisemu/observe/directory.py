"""The run directory: what a run leaves behind, written through aiofiles in large blocks.

Writers hand in bytes from inside the emulation, which never waits; a task
writes what has gathered once it is worth a system call. Under the virtual
clock, time stands still meanwhile, so what is written and how fast has no
influence on the run.
"""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiofiles
from aiofiles.threadpool.binary import AsyncBufferedIOBase

from ndisemu.errors import UsageError

BLOCK: Final = 1 << 20


class RunFile:
    """One file of the directory, open for appending."""

    def __init__(self, name: str, file: AsyncBufferedIOBase, ready: asyncio.Event) -> None:
        self.name = name
        self._file = file
        self._ready = ready
        self._blocks: list[bytes] = []
        self._size = 0

    def append(self, data: bytes) -> None:
        """Add bytes; they reach the disk later."""
        self._blocks.append(data)
        self._size += len(data)
        if self._size >= BLOCK:
            self._ready.set()

    async def flush(self) -> None:
        """Write what has gathered."""
        blocks, self._blocks, self._size = self._blocks, [], 0
        if blocks:
            await self._file.write(b"".join(blocks))

    async def close(self) -> None:
        """Close the file; nothing is written any more."""
        await self._file.close()


class RunDirectory:
    """A directory made for one run. Entering makes it; leaving writes and closes everything.

    A file that cannot be written is a `UsageError` that names it, raised by
    `open` or on leaving; the emulation meanwhile goes on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: list[RunFile] = []
        self._ready = asyncio.Event()
        self._over = False
        self._task: asyncio.Task[None] | None = None
        self._failure: UsageError | None = None

    async def __aenter__(self) -> Self:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be made: {error.strerror}") from error
        self._task = asyncio.get_running_loop().create_task(self._write_until_over(), name="run directory")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Never cancelled: a write that has begun must end, or its bytes are lost.
        self._over = True
        self._ready.set()
        try:
            if self._task is not None:
                await self._task
        finally:
            for file in self._files:
                try:
                    await file.close()
                except OSError as failure:
                    self._fail(file.name, failure)
        if self._failure is not None and error is None:
            raise self._failure

    async def open(self, name: str) -> RunFile:
        """Start a new file of this name, replacing an old one."""
        try:
            handle = await aiofiles.open(self.path / name, "wb")
        except OSError as error:
            raise UsageError(f"{self.path / name} cannot be written: {error.strerror}") from error
        file = RunFile(name, handle, self._ready)
        self._files.append(file)
        return file

    async def write(self, name: str, data: bytes) -> None:
        """Write a whole file."""
        (await self.open(name)).append(data)

    async def _write_until_over(self) -> None:
        while not self._over:
            await self._ready.wait()
            self._ready.clear()
            await self._flush()
        await self._flush()

    async def _flush(self) -> None:
        for file in tuple(self._files):
            try:
                await file.flush()
            except OSError as error:
                self._fail(file.name, error)

    def _fail(self, name: str, error: OSError) -> None:
        if self._failure is None:
            self._failure = UsageError(f"{self.path / name} cannot be written: {error.strerror}")
