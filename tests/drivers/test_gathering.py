"""Frames that a protocol may only look at arrive whole and in order, however the miniport indicates them."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from ndisemu import Emulation, RingMiniport, run
from ndisemu.drivers.protocols import Flow, Generator, Station
from ndisemu.drivers.protocols.gathering import PACKETS
from ndisemu.machine import Slot
from ndisemu.ndis import MacOption, Oid, OidRequest, Packet, Status

FRAMES: Final = 300
HEADER: Final = 14


class Starved(RingMiniport):
    """Marks two of three packets NDIS_STATUS_RESOURCES, and has them back at once."""

    def receive(self) -> bool:
        packets = self.rx.take(64)
        starved = [packet for place, packet in enumerate(packets) if place % 3]
        for packet in starved:
            packet.status = Status.RESOURCES
        self.ndis.indicate_receive(packets)
        for packet in starved:
            packet.status = Status.SUCCESS
        self.rx.give(starved)
        return len(packets) < 64


class Showing(RingMiniport):
    """Indicates by lookahead, and brings the rest at once."""

    def receive(self) -> bool:
        packets = self.rx.take(64)
        for packet in packets:
            data = packet.read()
            self.ndis.eth_indicate_receive(data, data[:HEADER], data[HEADER:100], len(data) - HEADER)
        self.ndis.eth_indicate_receive_complete()
        self.rx.give(packets)
        return len(packets) < 64

    def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> Status | Awaitable[Status]:
        packet.put(part(context, offset, length))
        return Status.SUCCESS


class Late(Showing):
    """Brings the rest after a while, and long frames later than short ones."""

    wait = 1

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is Oid.GEN_MAC_OPTIONS:
            return request.answer(MacOption.NO_LOOPBACK.to_bytes(4, "little"))
        return super().query_information(request)

    async def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> Status:
        await self.ndis.delay(self.wait * length)
        packet.put(part(context, offset, length))
        return Status.SUCCESS


class Failing(Late):
    """Never brings the rest."""

    async def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> Status:
        await self.ndis.delay(length)
        return Status.FAILURE


def part(context: object, offset: int, length: int) -> bytes:
    """Return the part of a frame that is asked for."""
    assert isinstance(context, bytes)
    return context[HEADER + offset : HEADER + offset + length]


def generator(emu: Emulation, near: Slot, far: Slot) -> Generator:
    """Make frames of several lengths in turn."""
    return Generator(
        emu.random("frames"),
        source=near.nic.mac,
        destination=far.nic.mac,
        frames=FRAMES,
        sizes=[60, 700, 90, 1514, 101],
        burst=32,
    )


async def pass_through(miniport: Callable[[], RingMiniport], flow: Flow) -> tuple[Station, list[str]]:
    """Send frames to a station on such a miniport; returns it, and the rules that were broken."""
    async with Emulation() as emu:
        a, b = emu.host("a"), emu.host("b")
        near, far = a.nic("eth0", RingMiniport), b.nic("eth0", miniport)
        emu.connect(near, far)
        sink = Station("sink", flows=[flow])
        sender = Station("sender", sources=[(generator(emu, near, far), flow)])
        await b.bind_protocol("eth0", sink)
        await a.bind_protocol("eth0", sender)
        emu.kernel.submit(lambda: a.cpus[0].queue_thread(sender.start))
        await emu.idle()
    return sink, [finding.rule for finding in emu.findings]


@pytest.mark.parametrize("miniport", [Starved, Showing, Late])
def test_every_frame_arrives_whole_and_in_order(miniport: type[RingMiniport]) -> None:
    """What is copied, transferred at once or transferred later is judged in its turn, like all the rest."""
    flow = Flow("f")
    sink, rules = run(pass_through(miniport, flow))
    assert rules == []
    assert (flow.intact, flow.altered, flow.late, flow.unexpected) == (FRAMES, 0, 0, 0)
    assert (sink.received, sink.gathering.missed) == (FRAMES, 0)


def test_what_cannot_be_fetched_is_counted() -> None:
    """A transfer that fails loses its frame, and holds up nobody behind it."""
    flow = Flow("f")
    sink, rules = run(pass_through(Failing, flow))
    assert rules == []
    # Two of the five lengths fit into the lookahead.
    assert (flow.intact, sink.received, sink.gathering.missed) == (FRAMES * 2 // 5, FRAMES * 2 // 5, FRAMES * 3 // 5)


def test_a_protocol_without_packets_lets_frames_go() -> None:
    """As many transfers as it has packets are under way at once; what comes beyond is counted as missed."""

    class VeryLate(Late):
        wait = 100_000

    flow = Flow("f")
    sink, rules = run(pass_through(VeryLate, flow))
    assert rules == []
    assert sink.received + sink.gathering.missed == FRAMES
    assert sink.gathering.missed == FRAMES * 3 // 5 - PACKETS


@pytest.mark.parametrize("miniport", [Starved, Showing, Late])
def test_an_application_receives_what_it_cannot_hold(miniport: type[RingMiniport]) -> None:
    """The asyncio face gives copied frames and held packets in the order in which they came."""

    async def main() -> list[str]:
        async with Emulation() as emu:
            a, b = emu.host("a"), emu.host("b")
            near, far = a.nic("eth0", RingMiniport), b.nic("eth0", miniport)
            emu.connect(near, far)
            tx, rx = await a.bind("eth0"), await b.bind("eth0")
            source = generator(emu, near, far)
            frames: list[bytes] = []
            while source.due is not None:
                frames += source.next()[0]
            await tx.send(frames)
            await emu.idle()
            received: list[bytes] = []
            while len(received) < FRAMES:
                received += await rx.receive()
            assert received == frames
        return [finding.rule for finding in emu.findings]

    assert run(main()) == []


def test_an_application_that_closes_returns_what_it_holds() -> None:
    """Held packets go back at a close, copied frames are forgotten."""

    async def main() -> list[str]:
        async with Emulation() as emu:
            a, b = emu.host("a"), emu.host("b")
            near, far = a.nic("eth0", RingMiniport), b.nic("eth0", Starved)
            emu.connect(near, far)
            tx, rx = await a.bind("eth0"), await b.bind("eth0")
            await tx.send([far.nic.mac + near.nic.mac + bytes(50)] * 6)
            await emu.idle()
            await b.ndis.unbind(rx.binding)
            assert await rx.receive() == []
            assert rx.binding.receives_held == 0
        return [finding.rule for finding in emu.findings]

    assert run(main()) == []
