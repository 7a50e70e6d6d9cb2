"""Two connected hosts, on whichever loop: the virtual one, asyncio's own, or uvloop where it is installed."""

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, TypeVar

from ndisemu import Application, Emulation, RingMiniport, run
from ndisemu.machine import Host

T = TypeVar("T")

TO_B: Final = b"\x02\x00\x00\x00\x02\x01"
FROM_A: Final = b"\x02\x00\x00\x00\x01\x01"


def frame(number: int = 0, *, length: int = 60, to: bytes = TO_B) -> bytes:
    """Make a frame that tells its number."""
    return (to + FROM_A + b"\x88\xb5" + number.to_bytes(4, "big")).ljust(length, b"\xa5")


def wire(emu: Emulation) -> tuple[Host, Host]:
    """Put two hosts with a card each on a cable."""
    a, b = emu.host("a", cpus=2), emu.host("b")
    emu.connect(a.nic("eth0", RingMiniport), b.nic("eth0", RingMiniport), delay="5us")
    return a, b


async def applications(emu: Emulation) -> tuple[Application, Application]:
    """Bind an application to each of two connected hosts."""
    a, b = wire(emu)
    return await a.bind("eth0"), await b.bind("eth0")


def on_asyncio(main: Coroutine[Any, Any, T]) -> T:
    """Run on asyncio's own loop, under the real clock."""
    return asyncio.run(main)


def on_uvloop(main: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop, under the real clock."""
    factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


RUNNERS: Final = [run, on_asyncio, *([on_uvloop] if find_spec("uvloop") else [])]
"""Every way to run an emulation here; uvloop is a dependency wherever it exists."""
