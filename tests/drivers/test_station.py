"""The protocol that makes and judges traffic: sources paced by time and packets, flows told apart, a clean stop."""

import asyncio
from collections.abc import Sequence
from random import Random

import pytest

from ndisemu import Emulation, RingMiniport, run
from ndisemu.drivers.protocols import Flow, Generator, Replay, Source, Station
from ndisemu.machine import Slot
from ndisemu.ndis import PacketFilter, PowerState, Status
from ndisemu.ndis.adapter import Adapter


class Pair:
    """Two stations on a gigabit cable: `a` sends what it is given, `b` judges."""

    def __init__(self, emu: Emulation) -> None:
        self.emu = emu
        self.a, self.b = emu.host("a"), emu.host("b")
        self.slots: tuple[Slot, Slot] = self.a.nic("eth0", RingMiniport), self.b.nic("eth0", RingMiniport)
        emu.connect(*self.slots)

    def generator(
        self, frames: int, *, back: bool = False, burst: int = 8, every: int | None = None, start: int = 0
    ) -> Generator:
        """Make a generator from a to b, or back."""
        here, there = (slot.nic.mac for slot in (self.slots[::-1] if back else self.slots))
        random = self.emu.random(f"{frames} {back} {burst}")
        return Generator(
            random,
            source=here,
            destination=there,
            frames=frames,
            sizes=[60, 700],
            burst=burst,
            every=every,
            start=start,
        )

    async def begin(self, a: Station, b: Station) -> None:
        """Bind both stations, and let them send."""
        await self.b.bind_protocol("eth0", b)
        await self.a.bind_protocol("eth0", a)
        for host, station in ((self.a, a), (self.b, b)):
            self.emu.kernel.submit(lambda host=host, station=station: host.cpus[0].queue_thread(station.start))  # type: ignore[misc]


def counts(*flows: Flow) -> list[tuple[int, int, int, int, int]]:
    """Return what flows count: sent, intact, lost, late, unexpected."""
    return [(flow.sent, flow.intact, flow.lost, flow.late, flow.unexpected) for flow in flows]


def test_traffic_goes_both_ways_at_once() -> None:
    """Two stations send to each other; every frame arrives, and each flow counts its own."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu)
            there, back = Flow("there"), Flow("back")
            a = Station("a", sources=[(pair.generator(500), there)], flows=[back])
            b = Station("b", sources=[(pair.generator(300, back=True), back)], flows=[there])
            await pair.begin(a, b)
            await emu.idle()
            assert counts(there, back) == [(500, 500, 0, 0, 0), (300, 300, 0, 0, 0)]
            assert (a.done, b.done, a.failed, b.received) == (True, True, 0, 500)
        assert emu.findings == []

    run(main())


def test_several_sources_share_one_binding() -> None:
    """Each has its own packets and pace, and the flows are told apart where they arrive."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu)
            flows = [Flow("one"), Flow("two"), Flow("three")]
            sources: list[Source] = [
                pair.generator(100, burst=4),
                pair.generator(50, burst=1, every=3000),
                pair.generator(64, burst=32, start=20_000),
            ]
            a = Station("a", sources=list(zip(sources, flows, strict=True)))
            b = Station("b", flows=flows)
            await pair.begin(a, b)
            await emu.idle()
            assert counts(*flows) == [(100, 100, 0, 0, 0), (50, 50, 0, 0, 0), (64, 64, 0, 0, 0)]
            assert a.done
        assert emu.findings == []

    run(main())


def test_an_open_loop_keeps_its_times() -> None:
    """Bursts leave at their interval, so the latencies are all alike, and the last leaves when it is due."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu)
            flow = Flow("f")
            await pair.begin(
                Station("a", sources=[(pair.generator(50, burst=1, every=100_000, start=1000), flow)]),
                Station("b", flows=[flow]),
            )
            await emu.idle()
            # 60 and 700 bytes in turn, each alone on the wire.
            assert sorted(flow.latencies.values()) == [25, 25]
            assert 1000 + 49 * 100_000 < emu.now < 1000 + 50 * 100_000

    run(main())


def test_a_replay_keeps_the_recorded_times() -> None:
    """Frames leave at the times of the recording, relative to the start of the run."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu)
            flow = Flow("f")
            to_b = pair.slots[1].nic.mac + bytes(6) + b"\x88\xb5"
            recording = [(50_000 * place, to_b + bytes([place]) * 100) for place in range(10)]
            await pair.begin(Station("a", sources=[(Replay(recording), flow)]), Station("b", flows=[flow]))
            await emu.idle()
            assert counts(flow) == [(10, 10, 0, 0, 0)]
            assert len(flow.latencies) == 1

    run(main())


def test_a_filter_keeps_other_stations_frames_out() -> None:
    """A station sees what is directed to it or broadcast, and a promiscuous one everything."""

    async def main(packet_filter: PacketFilter) -> tuple[int, int]:
        async with Emulation() as emu:
            pair = Pair(emu)
            flow = Flow("f")
            frames = [(place, bytes([2, 0, 0, 0, place, 1]) + bytes(60)) for place in range(5)]
            sink = Station("b", flows=[flow], packet_filter=packet_filter)
            await pair.begin(Station("a", sources=[(Replay(frames), flow)]), sink)
            await emu.idle()
            return flow.intact, sink.received

    usual = PacketFilter.DIRECTED | PacketFilter.BROADCAST
    assert run(main(usual)) == (1, 1)
    assert run(main(PacketFilter.PROMISCUOUS)) == (5, 5)


def test_what_belongs_to_no_flow_is_unexpected() -> None:
    """The first flow counts it; a station without flows only counts what it received."""

    async def main(flows: Sequence[Flow]) -> int:
        async with Emulation() as emu:
            pair = Pair(emu)
            sink = Station("b", flows=flows)
            await pair.begin(Station("a", sources=[(pair.generator(10), Flow("sent"))]), sink)
            await emu.idle()
            return sink.received

    flows = [Flow("one"), Flow("two")]
    assert run(main(flows)) == 10
    assert [flow.unexpected for flow in flows] == [10, 0]
    assert run(main([])) == 10


@pytest.mark.parametrize("every", [None, 2000])
def test_a_station_stops_when_it_is_told(every: int | None) -> None:
    """Halting in the middle of endless traffic waits only for what is in flight, and every sent frame has come back."""

    async def main() -> None:
        adapters: list[Adapter] = []
        async with Emulation() as emu:
            pair = Pair(emu)
            flow = Flow("f")
            a = Station("a", sources=[(pair.generator(10_000_000, burst=32, every=every), flow)])
            await pair.begin(a, Station("b", flows=[flow]))
            await asyncio.sleep(0.5e-3)
            stopped = emu.now
            adapters.append(pair.slots[0].adapter)
        sends = adapters[0].sends
        assert emu.findings == []
        assert 0 < flow.sent == sends.submitted == sends.completed
        assert emu.now - stopped < 1_000_000

    run(main())


def test_failed_sends_are_counted() -> None:
    """What does not fit the adapter fails, and is lost for its flow."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu)
            flow = Flow("f")
            to_b = pair.slots[1].nic.mac + bytes(6)
            a = Station("a", sources=[(Replay([(0, to_b.ljust(size, b"x")) for size in (100, 1600, 200)]), flow)])
            await pair.begin(a, Station("b", flows=[flow]))
            await emu.idle()
            assert a.failed == 1
            assert counts(flow) == [(3, 2, 1, 0, 0)]
        assert emu.findings == []

    run(main())


def test_a_source_of_nothing_is_done() -> None:
    """A generator of no frames is never due."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu)
            empty = Generator(Random(1), source=bytes(6), destination=bytes(6), frames=0, sizes=[60])
            a = Station("a", sources=[(empty, Flow("f"))])
            await pair.begin(a, Station("b"))
            await emu.idle()
            assert a.done

    run(main())


@pytest.mark.parametrize("every", [None, 100_000])
def test_a_station_waits_while_its_adapter_sleeps(every: int | None) -> None:
    """It stays bound, sends nothing meanwhile, and afterwards goes on where it was."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu)
            flow = Flow("there")
            a = Station("a", sources=[(pair.generator(400, every=every), flow)])
            b = Station("b", flows=[flow])
            await pair.begin(a, b)
            await asyncio.sleep(350e-6)
            adapter = pair.slots[0].adapter
            assert await adapter.set_power(PowerState.D3) is Status.SUCCESS
            sent = flow.sent
            assert 0 < sent < 400
            await asyncio.sleep(1)
            assert flow.sent == sent
            assert await adapter.set_power(PowerState.D0) is Status.SUCCESS
            await emu.idle()
            assert a.done
            # What the card had begun to send when it fell asleep may have got across.
            assert flow.lost <= a.failed <= 16
            assert flow.intact == 400 - flow.lost
        assert emu.findings == []

    run(main())


def test_a_station_that_was_not_started_is_not_started_by_a_reset() -> None:
    """The end of a reset lets go on what was going on."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu)
            flow = Flow("there")
            a = Station("a", sources=[(pair.generator(100), flow)])
            await pair.a.bind_protocol("eth0", a)
            assert await pair.slots[0].adapter.reset() is Status.SUCCESS
            await emu.idle()
            assert flow.sent == 0

    run(main())
