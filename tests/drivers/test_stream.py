"""The stream miniport: every frame both ways unaltered and in order, and an orderly end however it comes.

Two hosts under virtual time with an application on each, joined by a pipe; what was found must have been looked at.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from hashlib import sha256
from random import Random
from typing import Any, Final

import pytest

from ndisemu import Application, Emulation, Status, StreamMiniport, run
from ndisemu.kernel import SeededRandom
from ndisemu.machine import StreamSlot
from ndisemu.ndis import Irp, Oid, PacketFilter
from ndisemu.ndis.oid import MANDATORY_5X_QUERY, MANDATORY_5X_SET
from ndisemu.probe import Probe
from ndisemu.verifier import Verifier
from tests.drivers.conftest import FROM_A, TO_B, Peer, frame

SUCCESS: Final = Status.SUCCESS


class Pair:
    """Two stream NICs, `a` and `b`, an application on each, and the trace of what happens."""

    def __init__(self, emu: Emulation, parameters: dict[str, int], mtus: tuple[int, int]) -> None:
        self.emu = emu
        self.events: list[tuple[str, str, int, str]] = []
        emu.kernel.probe.event = lambda *event: self.events.append(event)
        hosts = [emu.host(name, cpus=2) for name in ("a", "b")]
        self.a, self.b = (
            host.stream_nic("eth0", StreamMiniport, mtu=mtu, parameters=parameters)
            for host, mtu in zip(hosts, mtus, strict=True)
        )
        verifier = Verifier(emu.kernel)
        for slot in (self.a, self.b):
            verifier.attach(slot.adapter)
        self.hosts = hosts
        self.tx: Application
        self.rx: Application

    async def bind(self) -> None:
        """Bind an application to each NIC."""
        self.tx, self.rx = [await host.bind("eth0", packet_filter=PacketFilter.PROMISCUOUS) for host in self.hosts]

    def trace(self) -> str:
        """Return the hash of what has happened."""
        return sha256(repr(self.events).encode()).hexdigest()


def pair(
    test: Callable[[Pair], Awaitable[None]],
    *,
    parameters: dict[str, int] | None = None,
    mtus: tuple[int, int] = (1500, 1500),
    seed: int | None = None,
) -> str:
    """Run `test` on a pair; returns the hash of its trace."""

    async def main() -> str:
        strategy = None if seed is None else SeededRandom(Random(seed))
        async with Emulation(probe=Probe(), strategy=strategy) as emu:
            wire = Pair(emu, parameters or {}, mtus)
            emu.connect_streams(wire.a, wire.b)
            await wire.bind()
            await test(wire)
        assert emu.findings == []
        return wire.trace()

    return run(main())


async def take(application: Application, count: int) -> list[bytes]:
    """Receive `count` frames."""
    frames: list[bytes] = []
    while len(frames) < count:
        frames += await application.receive()
    return frames


async def both_ways(wire: Pair, count: int) -> None:
    """Send `count` frames each way at once, all of which must arrive in order."""
    there = [frame(number, length=60 + number % 1400) for number in range(count)]
    back = [frame(number, length=60 + number % 1300, to=FROM_A) for number in range(count)]
    sent, received, returned, answered = await asyncio.gather(
        wire.tx.send(there), take(wire.rx, count), wire.rx.send(back), take(wire.tx, count)
    )
    assert sent == returned == [SUCCESS] * count
    assert (received, answered) == (there, back)


def test_a_thousand_frames_cross_both_ways_and_the_run_repeats() -> None:
    """Unaltered and in order, every book balanced, and a second run is the first again, event by event."""

    async def test(wire: Pair) -> None:
        await both_ways(wire, 1000)
        for slot in (wire.a, wire.b):
            assert slot.adapter.sends.completed == slot.adapter.receives.indicated == 1000
            assert (slot.device.frames_in, slot.device.frames_out, slot.device.bad_input) == (1000, 1000, 0)

    assert pair(test) == pair(test)


@pytest.mark.parametrize("seed", range(3))
def test_order_holds_whatever_the_kernel_runs_first(seed: int) -> None:
    """With work items, DPCs and CPUs taken in random order the frames stay in theirs."""
    pair(lambda wire: both_ways(wire, 200), seed=seed)


@pytest.mark.parametrize("parameters", [{"reads": 1}, {"packets": 1}, {"reads": 4, "packets": 2}])
def test_few_buffers_slow_it_down_and_lose_nothing(parameters: dict[str, int]) -> None:
    """With one READ, or one packet, everything still crosses."""
    pair(lambda wire: both_ways(wire, 200), parameters=parameters)


def test_packets_that_protocols_keep_hold_the_peer_back() -> None:
    """Without a packet nothing is read; as packets come back, the rest arrives."""

    async def test(wire: Pair) -> None:
        frames = [frame(number, length=1500) for number in range(600)]
        sending = asyncio.create_task(wire.tx.send(frames))
        await asyncio.sleep(1)
        driver = wire.b.adapter.miniport
        assert isinstance(driver, StreamMiniport)
        assert wire.b.adapter.receives.lent == 8
        assert (len(driver.reads), len(driver.free)) == (0, 0)
        assert not sending.done()
        assert await take(wire.rx, 600) == frames
        assert await sending == [SUCCESS] * 600

    pair(test, parameters={"packets": 8})


@pytest.mark.parametrize("oid", MANDATORY_5X_QUERY, ids=str)
def test_every_mandatory_oid_is_answered(oid: Oid) -> None:
    """The table is the Ethernet one; it needs no register."""

    async def test(wire: Pair) -> None:
        await wire.tx.request(oid)

    pair(test)


@pytest.mark.parametrize("oid", MANDATORY_5X_SET, ids=str)
def test_every_mandatory_set_is_accepted(oid: Oid) -> None:
    """Each object a 5.x Ethernet miniport must accept is accepted."""

    async def test(wire: Pair) -> None:
        await wire.tx.request(oid, b"" if oid is Oid.E802_3_MULTICAST_LIST else (0x0F).to_bytes(4, "little"))

    pair(test)


def test_the_address_is_the_slots() -> None:
    """Without an EEPROM it comes from the configuration, made as a card's would be."""

    async def test(wire: Pair) -> None:
        assert (wire.a.mac, wire.b.mac) == (FROM_A, TO_B)
        assert await wire.tx.request(Oid.E802_3_CURRENT_ADDRESS) == FROM_A
        assert await wire.tx.request(Oid.GEN_VENDOR_DESCRIPTION) == b"ndisemu stream\0"

    pair(test)


def test_a_frame_beyond_the_mtu_is_refused_going_and_dropped_coming() -> None:
    """Too long to send is INVALID_LENGTH; too long to receive is a receive error, and the next frame is whole."""

    async def test(wire: Pair) -> None:
        assert await wire.rx.send([frame(1, length=9014), frame(2)]) == [SUCCESS, SUCCESS]
        assert await take(wire.tx, 1) == [frame(2)]
        assert int.from_bytes(await wire.tx.request(Oid.GEN_RCV_ERROR), "little") == 1
        peer = Peer("long", size=4096)
        await wire.hosts[0].bind_protocol("eth0", peer)
        packets = peer.packets[:2]
        for packet, length in zip(packets, (1515, 1514), strict=True):
            packet.fill(frame(3, length=length))
        wire.emu.kernel.submit(lambda: wire.a.device.cpu.queue_thread(lambda: peer.binding.send_packets(packets)))
        await asyncio.sleep(1)
        assert peer.statuses == [Status.INVALID_LENGTH, SUCCESS]

    pair(test, mtus=(1500, 9000))


def test_halt_ends_every_irp_before_it_returns() -> None:
    """READs that wait are cancelled and awaited; nothing of the driver is left below."""

    async def test(wire: Pair) -> None:
        await both_ways(wire, 10)
        pending = tuple(wire.a.adapter.resources.irps)
        assert len(pending) == 32
        assert all(isinstance(irp, Irp) for irp in pending)
        await wire.a.adapter.halt()
        assert wire.a.adapter.resources.irps == {}
        assert [str(irp.status) for irp in pending] == ["STATUS_CANCELLED"] * 32
        assert wire.a.device.reason == "closed"

    pair(test)


def hang_up(slot: StreamSlot) -> None:
    """The peer is gone between two frames."""
    slot.device.close()


def talk_nonsense(slot: StreamSlot) -> None:
    """The peer's stream stops making sense, which the device notices itself."""
    slot.device._frames.clear()
    slot.device._end("nonsense")


@pytest.mark.parametrize("end", [hang_up, talk_nonsense])
def test_a_peer_that_goes_away_fails_sends_and_hangs_nothing(end: Callable[[StreamSlot], None]) -> None:
    """Sends under way and later ones end as NO_CABLE, the medium is disconnected, and both hosts halt in order."""

    async def test(wire: Pair) -> None:
        frames = [frame(number, length=1500) for number in range(1000)]
        sending = asyncio.create_task(wire.tx.send(frames))
        got = await take(wire.rx, 100)
        end(wire.b)
        statuses = await sending
        failed = statuses.count(Status.NO_CABLE)
        assert 0 < failed < 900
        assert statuses == [SUCCESS] * (1000 - failed) + [Status.NO_CABLE] * failed
        assert got == frames[: len(got)]
        assert await wire.tx.send([frame(1)]) == [Status.NO_CABLE]
        assert int.from_bytes(await wire.tx.request(Oid.GEN_MEDIA_CONNECT_STATUS), "little") == 1
        assert int.from_bytes(await wire.tx.request(Oid.GEN_XMIT_ERROR), "little") == failed + 1

    pair(test)


def test_an_emulation_may_end_in_the_middle() -> None:
    """Frames on their way at the end leave no IRP, no finding and no waiting task."""

    async def test(wire: Pair) -> None:
        sending = asyncio.create_task(wire.tx.send([frame(number, length=1500) for number in range(5000)]))
        await take(wire.rx, 100)
        for host in reversed(wire.hosts):
            await host.halt()
        statuses = await sending
        assert (statuses[0], statuses[-1]) == (SUCCESS, Status.CLOSING)
        assert set(statuses) <= {SUCCESS, Status.CLOSING, Status.NO_CABLE}

    pair(test)


def test_a_miniport_that_finds_no_memory_does_not_start() -> None:
    """It says so with a status, and leaves nothing behind."""

    async def main() -> Coroutine[Any, Any, None] | None:
        async with Emulation() as emu:
            slot = emu.host("a", memory=1 << 16).stream_nic("eth0", StreamMiniport)
            assert not await slot.adapter.initialize()
            assert [finding.rule for finding in emu.findings] == ["st-init-status"]
        return None

    run(main())
