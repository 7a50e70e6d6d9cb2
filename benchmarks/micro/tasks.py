"""A coroutine that is stepped where it stands, against a task of its own for it: why no packet has a task."""

import asyncio
import contextlib

from ndisemu.bench.claim import Claim, Comparison, report


async def _entry() -> None:
    """Be a driver's entry that does not suspend."""


async def _task_each(count: int) -> None:
    for _ in range(count):
        await asyncio.create_task(_entry())


def stepped(count: int) -> None:
    """Step each coroutine to its end, as the kernel does."""
    for _ in range(count):
        with contextlib.suppress(StopIteration):
            _entry().send(None)


def as_tasks(count: int) -> None:
    """Make a task of each coroutine and wait for that."""
    asyncio.run(_task_each(count))


def claim() -> Claim:
    """Say why the kernel steps drivers' coroutines itself, and tasks are for control only."""
    return Claim(
        "A coroutine is stepped to its end at least five times as fast as a task made of it",
        "ndisemu/kernel/traps.py",
        (Comparison("a coroutine run to its end", ("stepped", stepped), ("create_task", as_tasks), 5),),
    )


if __name__ == "__main__":
    print(report(claim()))
