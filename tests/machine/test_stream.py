"""Stream NICs in machines: how they are connected, and two emulations over a unix socket in real time."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from ndisemu import Application, Emulation, RingMiniport, Status, StreamMiniport, run
from ndisemu.errors import UsageError
from ndisemu.machine import StreamSlot
from tests.machine.conftest import FROM_A, RUNNERS, TO_B, frame, on_asyncio

ROOT: Final = Path(__file__).parents[2]
# The other end, as a program of its own: it sends back what it gets, and ends when told.
ECHO: Final = """
import asyncio, sys
from ndisemu import Emulation, StreamMiniport
from ndisemu.ndis import PacketFilter

async def main():
    async with Emulation() as emu:
        host = emu.host("far")
        await host.stream_nic("eth0", StreamMiniport).dial(sys.argv[1])
        application = await host.bind("eth0", packet_filter=PacketFilter.PROMISCUOUS)
        async for frame in application:
            await application.send([frame])
            if frame[14:18] == (99).to_bytes(4, "big"):
                break

asyncio.run(main())
"""


def nic(emu: Emulation, name: str = "a", *, mac: bytes | None = None) -> StreamSlot:
    """Make a host with a stream NIC."""
    return emu.host(name).stream_nic("eth0", StreamMiniport, mac=mac)


async def take(application: Application, count: int) -> list[bytes]:
    """Receive `count` frames."""
    frames: list[bytes] = []
    while len(frames) < count:
        frames += await application.receive()
    return frames


async def until(true: Callable[[], bool]) -> None:
    """Wait in real time, for some seconds at most."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("runner", RUNNERS)
def test_two_hosts_in_one_process(runner: object) -> None:
    """On every loop, a pipe joins two stream NICs, whose names and addresses are made like those of cards."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = nic(emu), nic(emu, "b")
            assert (a.name, a.mac) == ("a.eth0", FROM_A)
            emu.connect_streams(a, b)
            tx, rx = await emu.hosts["a"].bind("eth0"), await emu.hosts["b"].bind("eth0")
            assert await tx.send([frame(1), frame(2)]) == [Status.SUCCESS] * 2
            assert await take(rx, 2) == [frame(1), frame(2)]
            assert emu.findings == []

    assert callable(runner)
    runner(main())


def test_two_emulations_over_a_unix_socket(tmp_path: Path) -> None:
    """One listens and one dials; a thousand frames cross both ways, and the socket is gone afterwards."""
    path = str(tmp_path / "wire")
    there = [frame(number, length=60 + number) for number in range(1000)]
    back = [frame(number, length=1060 - number, to=FROM_A) for number in range(1000)]

    async def main() -> None:
        async with Emulation() as near, Emulation() as far:
            a = nic(near)
            b = nic(far, "b", mac=TO_B)
            await a.listen(path)
            await b.dial(path)
            tx, rx = await near.hosts["a"].bind("eth0"), await far.hosts["b"].bind("eth0")
            sent, returned, received, answered = await asyncio.gather(
                tx.send(there), rx.send(back), take(rx, 1000), take(tx, 1000)
            )
            assert sent == returned == [Status.SUCCESS] * 1000
            assert (received, answered) == (there, back)
            assert near.findings == far.findings == []

    on_asyncio(main())
    assert not Path(path).exists()


def test_two_processes_over_a_unix_socket(tmp_path: Path) -> None:
    """The other end may be a program of its own; when it ends, sends fail and nothing hangs."""
    path = str(tmp_path / "wire")

    async def main() -> None:
        async with Emulation() as emu:
            slot = nic(emu)
            await slot.listen(path)
            application = await emu.hosts["a"].bind("eth0")
            program = await asyncio.create_subprocess_exec(
                sys.executable, "-c", ECHO, path, cwd=ROOT, stderr=subprocess.PIPE
            )
            await until(lambda: "not connected" not in repr(slot.device))
            to_us = [frame(number, to=slot.mac) for number in range(100)]
            assert await application.send(to_us) == [Status.SUCCESS] * 100
            assert await take(application, 100) == to_us
            _, errors = await program.communicate()
            assert (program.returncode, errors) == (0, b"")
            await until(lambda: slot.device.reason is not None)
            assert slot.device.reason == "the peer closed the stream"
            assert await application.send([frame()]) == [Status.NO_CABLE]
            assert emu.findings == []

    on_asyncio(main())


def test_what_a_stream_carries_is_counted_and_recorded() -> None:
    """Both ends agree on frames and bytes, and each tells of a frame when it passes there."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = nic(emu), nic(emu, "b")
            emu.connect_streams(a, b)
            tx, rx = await emu.hosts["a"].bind("eth0"), await emu.hosts["b"].bind("eth0")
            noted: list[tuple[str, list[bytes], list[int]]] = []

            def note(where: str, frames: Sequence[bytes], times: Sequence[int]) -> None:
                noted.append((where, [*frames], [*times]))

            for slot in (a, b):
                slot.record(partial(note, f"from {slot.name}"), partial(note, f"to {slot.name}"))
            await asyncio.sleep(0.001)
            frames = [frame(number, length=14 + number) for number in range(3)]
            assert await tx.send(frames) == [Status.SUCCESS] * 3
            assert await take(rx, 3) == frames
            times = [1_000_000] * 3
            assert noted == [("from a.eth0", frames, times), ("to b.eth0", frames, times)]
            out, come = a.count(), b.count()
            assert (out.frames_out, out.bytes_out, out.frames_in) == (3, sum(map(len, frames)), 0)
            assert (come.frames_in, come.kept, dict(come.drops), come.frames_out) == (3, 3, {"oversize": 0}, 0)
            assert (out.posted, come.posted) == (32, 32)

    run(main())


def test_a_stream_nic_has_one_stream(tmp_path: Path) -> None:
    """A second one is refused whichever way it would come; a socket that could not be had may be tried again."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = nic(emu), nic(emu, "b")
            with pytest.raises(
                UsageError, match=r"^a\.eth0 cannot be connected to itself; a stream runs between two NICs$"
            ):
                emu.connect_streams(a, a)
            for _ in range(2):
                with pytest.raises(UsageError, match="nobody can be reached"):
                    await a.dial(str(tmp_path / "nobody"))
                with pytest.raises(UsageError, match="nobody can listen"):
                    await a.listen(str(tmp_path / "no" / "directory"))
            emu.connect_streams(a, b)
            for again in (a.dial("x"), b.listen("x")):
                with pytest.raises(UsageError, match=r"eth0 has its stream already: <StreamDevice \w.eth0 connected"):
                    await again

    run(main())


def test_a_stream_needs_an_emulation_that_runs() -> None:
    """Before it is entered there is no loop that could carry it."""

    async def main() -> None:
        emu = Emulation()
        slot = nic(emu)
        with pytest.raises(UsageError, match=re.escape("a.eth0 can be connected only inside `async with Emulation()`")):
            await slot.dial("x")
        emu.hosts["a"].close()

    run(main())


def test_cards_and_streams_share_a_host() -> None:
    """Their names are of one kind, their addresses differ, and both start, bind and halt."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            card, stream = host.nic("eth0", RingMiniport), host.stream_nic("eth1", StreamMiniport)
            assert (card.nic.mac[-1], stream.mac[-1]) == (1, 2)
            for name in ("eth0", "eth1"):
                with pytest.raises(UsageError, match=f"host a has a NIC named {name} already"):
                    host.stream_nic(name, StreamMiniport)
                await host.start(name)
            assert repr(host) == "<Host a: 1 CPUs, eth0, eth1>"
            assert repr(stream).startswith("<StreamSlot a.eth1: <Adapter a.eth1 Running")
            assert await (await host.bind("eth1")).send([frame()]) == [Status.NO_CABLE]
            assert emu.findings == []

    run(main())
