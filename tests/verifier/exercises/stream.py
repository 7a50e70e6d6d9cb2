"""The exercise of drivers with a WDM lower edge: a stream between two hosts, and a frame over it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ndisemu.drivers.stream import StreamMiniport
from tests.verifier.bench import Bench


async def stream(bench: Bench) -> None:
    """A host more on either side, whose NICs have streams below; one sends a frame to the driver under test."""
    driver: Any = type(bench.near.adapter.miniport)
    near = bench.emulation.host("c").stream_nic("eth0", driver)
    far = bench.emulation.host("d").stream_nic("eth0", StreamMiniport)
    bench.emulation.connect_streams(near, far)
    await bench.emulation.hosts["c"].bind("eth0")
    sender = await bench.emulation.hosts["d"].bind("eth0")
    await sender.send([near.mac + far.mac + bytes(50)])
    # The stream is one of asyncio, which is not part of virtual time.
    for _ in range(100):
        await asyncio.sleep(0)
        await bench.emulation.idle()
        if near.adapter.receives.indicated or bench.emulation.findings:
            break


EXERCISES: Final[Mapping[str, Callable[[Bench], Awaitable[None]]]] = {"stream": stream}
