"""Two hosts of any generations: a captured conversation crosses every combination of protocol and miniport unaltered."""

from itertools import product
from pathlib import Path
from random import Random
from typing import Final

import pytest

from ndisemu import Emulation, Ring6Miniport, RingMiniport, run, v5, v6
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.drivers.protocols import Flow, Generator, Replay, Station, Station6
from ndisemu.frame.capture import read_capture
from ndisemu.ndis import PacketFilter
from ndisemu.scenario.counters import books, count, count_buffers

CAPTURE: Final = Path(__file__).parents[2] / "scenarios/captures/linux-tcp-icmp.pcapng"
SENDER: Final = b"\x02\x00\x00\x00\x0a\x01"
USUAL: Final = PacketFilter.DIRECTED | PacketFilter.BROADCAST | PacketFilter.ALL_MULTICAST
MINIPORTS: Final[dict[str, type[v5.Miniport] | type[v6.Miniport]]] = {
    "ring": RingMiniport,
    "ring6": Ring6Miniport,
    "legacy": LegacyMiniport,
}
STATIONS: Final[dict[str, type[Station] | type[Station6]]] = {"v5": Station, "v6": Station6}
COMBINATIONS: Final = tuple(product(STATIONS, MINIPORTS))


@pytest.mark.parametrize(("near", "far"), [(one, COMBINATIONS[-1 - place]) for place, one in enumerate(COMBINATIONS)])
def test_a_conversation_crosses_any_two_generations(near: tuple[str, str], far: tuple[str, str]) -> None:
    """Every frame arrives once, as it was and in order; packets, lists and buffers are all back at the end."""
    frames = [(frame.time, frame.data) for frame in read_capture(CAPTURE) if frame.data[6:12] == SENDER]
    start = frames[0][0]
    there, back = Flow("there"), Flow("back")

    async def main() -> None:
        async with Emulation(seed=3) as emu:
            a, b = emu.host("a"), emu.host("b")
            here = a.nic("eth0", MINIPORTS[near[1]], mac=SENDER)
            yonder = b.nic("eth0", MINIPORTS[far[1]])
            emu.connect(here, yonder, delay="5us")
            answers = Generator(
                Random(7), source=yonder.nic.mac, destination=SENDER, frames=500, sizes=[60, 1514], burst=8
            )
            replay = Replay([(time - start, data) for time, data in frames])
            speaker = STATIONS[near[0]]("a", sources=[(replay, there)], flows=[back], packet_filter=USUAL)
            answerer = STATIONS[far[0]](
                "b", sources=[(answers, back)], flows=[there], packet_filter=PacketFilter.PROMISCUOUS
            )
            await b.bind_protocol("eth0", answerer)
            await a.bind_protocol("eth0", speaker)
            for host, station in ((a, speaker), (b, answerer)):
                host.cpus[0].queue_thread(station.start)
            await emu.idle()
            buffers = [count_buffers(slot) for slot in (here, yonder)]
            for host in (a, b):
                await host.halt()
            assert emu.findings == []
            for slot, arriving, some in zip((here, yonder), ((back,), (there,)), buffers, strict=True):
                assert [one for one in books(slot.name, count(slot, arriving, some)) if not one["balanced"]] == []
            assert [pool.leaks() for host in (a, b) for pool in host.ndis.packet_pools] == []

    run(main())
    assert (there.sent, there.intact, there.late, there.unexpected) == (len(frames), len(frames), 0, 0)
    assert (back.sent, back.intact, back.late) == (500, 500, 0)
