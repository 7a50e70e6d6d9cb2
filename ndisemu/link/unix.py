"""Streams over a unix socket: one end listens, the other dials.

These are real sockets, for the real clock. Under the virtual clock they work
too, but when bytes arrive is then the machine's business, and a run does not
repeat.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from ndisemu.errors import UsageError
from ndisemu.link.pipe import Stream


async def dial(path: str) -> Stream:
    """Connect to the socket at `path`, where somebody listens."""
    try:
        return await asyncio.open_unix_connection(path)
    except OSError as error:
        raise UsageError(f"nobody can be reached at the unix socket {path}: {error.strerror or error}") from error


async def listen(path: str, accept: Callable[[Stream], object]) -> Coroutine[Any, Any, None]:
    """Listen at `path` for one peer, whose stream `accept` is given; others are turned away.

    Returns the rest of the work, which is to be run in a task: until it is
    cancelled, and then takes the socket away.
    """
    came = False

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        if came:
            writer.transport.abort()
        else:
            came = True
            accept((reader, writer))

    try:
        server = await asyncio.start_unix_server(connected, path)
    except OSError as error:
        raise UsageError(f"nobody can listen at the unix socket {path}: {error.strerror or error}") from error

    async def stay() -> None:
        try:
            # Not just until the peer has come: asyncio forgets who dials while a server closes.
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            with suppress(FileNotFoundError):
                Path(path).unlink()  # noqa: ASYNC240 - one directory entry, at the very end

    return stay()
