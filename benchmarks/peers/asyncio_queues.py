"""What one would write first: three tasks and two queues on asyncio's own loop.

A queue with room for one frame changes tasks with each; one with room for a
burst lets its producer go on until it is full. Both are measured.
"""

import asyncio
import platform
from functools import partial
from time import process_time_ns
from typing import Final

from benchmarks.peers.peer import Peer, Sample

# As many as one burst of ours.
BURST: Final = 64


async def _carry(size: int, frames: int, room: int) -> Sample:
    near, far = asyncio.Queue[bytes](room), asyncio.Queue[bytes](room)
    payload = bytes(size)
    arrived = 0

    async def produce() -> None:
        for _ in range(frames):
            await near.put(payload)

    async def relay() -> None:
        for _ in range(frames):
            await far.put(await near.get())

    async def consume() -> None:
        nonlocal arrived
        for _ in range(frames):
            await far.get()
            arrived += 1

    started = process_time_ns()
    await asyncio.gather(produce(), relay(), consume())
    return Sample(arrived, process_time_ns() - started)


def carry(size: int, frames: int, *, room: int) -> Sample:
    """Pass so many references to frames through two queues."""
    return asyncio.run(_carry(size, frames, room))


def _peer(room: int, frames: int) -> Peer:
    return Peer(
        f"asyncio.Queue({room})",
        platform.python_version(),
        "producer, Queue, relay, Queue, consumer; references only, nothing copied, nothing compared",
        frames,
        partial(carry, room=room),
        promised=True,
    )


def single() -> Peer:
    """Queues with room for one frame."""
    return _peer(1, 15_000)


def burst() -> Peer:
    """Queues with room for a burst."""
    return _peer(BURST, 150_000)
