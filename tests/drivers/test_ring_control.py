"""The reference miniport under control: reset, hang, removal, sleep and shutdown of a real card."""

import asyncio

import pytest

from ndisemu import Emulation, RingMiniport, run
from ndisemu.hw import registers as reg
from ndisemu.ndis import NetPnPEvent, Oid, OidRequest, PowerState, Status, v5
from ndisemu.ndis.states import AdapterState
from tests.drivers.conftest import Peer, Wire, frame, keep_small, on_wire

SECOND = 1_000_000_000


def driver_of(wire: Wire) -> RingMiniport:
    """Return the driver of a's card."""
    miniport = wire.a.adapter.miniport
    assert isinstance(miniport, RingMiniport)
    return miniport


async def check_traffic(wire: Wire) -> None:
    """See that frames still get across, in both directions, after those that are on their way."""
    await wire.emu.idle()
    before = len(wire.receiver.received), len(wire.sender.received)
    await wire.send(frame(1), frame(2))
    await wire.emu.idle()
    assert wire.receiver.received[before[0] :] == [frame(1), frame(2)]
    packet = wire.receiver.packets[0]
    packet.fill(frame(3))
    await wire.dispatch(wire.b.host, lambda: wire.receiver.binding.send_packets([packet]))
    await wire.emu.idle()
    assert wire.sender.received[before[1] :] == [frame(3)]


@on_wire(a={"tx_ring": 8, "rx_ring": 8, "itr": 20_000})
async def test_a_reset_aborts_what_was_not_sent(wire: Wire) -> None:
    """Sends in the ring and behind it end once, REQUEST_ABORTED or sent; then both rings work as before."""
    more = wire.sender.binding.allocate_packets(200, 60)
    await wire.send(*[frame(number) for number in range(200)], packets=more)
    assert await wire.a.adapter.reset() is Status.SUCCESS
    assert [packet for packet, _ in wire.sender.completed] == more
    assert set(wire.sender.statuses) <= {Status.SUCCESS, Status.REQUEST_ABORTED}
    assert wire.sender.statuses.count(Status.REQUEST_ABORTED) > 100
    assert wire.a.nic.mmio_read(reg.ITR) == 20_000 // reg.ITR_UNIT
    await check_traffic(wire)
    assert sum(driver_of(wire).rx.books) == 16


@on_wire(b={"rx_ring": 8})
async def test_packets_that_are_lent_stay_lent_over_a_reset(wire: Wire) -> None:
    """A protocol may return them whenever it likes; they go into the new ring."""
    wire.receiver.kept = 1
    keep_small(wire.b)
    await wire.send(*[frame(number) for number in range(10)])
    await wire.emu.idle()
    assert await wire.b.adapter.reset() is Status.SUCCESS
    driver = wire.b.adapter.miniport
    assert isinstance(driver, RingMiniport)
    assert driver.rx.books == (6, 0)
    held, wire.receiver.held = wire.receiver.held, []
    wire.receiver.kept = 0
    await wire.dispatch(wire.b.host, lambda: wire.receiver.binding.return_packets(held))
    assert driver.rx.books == (7, 9)
    await check_traffic(wire)


@on_wire()
async def test_a_card_that_stands_still_is_reset(wire: Wire) -> None:
    """Two seconds without progress, and the sends that hang come back; the frames after it get across."""
    wire.a.nic.stopped = "for the test"
    await wire.send(frame(1), frame(2))
    await wire.emu.idle()
    assert 2 * SECOND <= wire.emu.now <= 5 * SECOND
    assert wire.sender.statuses == [Status.REQUEST_ABORTED] * 2
    assert wire.a.adapter.resetting.count == 1
    await check_traffic(wire)


@on_wire()
async def test_sends_without_a_link_come_back_too(wire: Wire) -> None:
    """What waits for a link for too long is given up, as by other drivers of this card."""
    assert wire.a.cable is not None
    wire.a.cable.unplug()
    await wire.send(frame(1))
    await wire.emu.idle()
    assert wire.sender.statuses == [Status.REQUEST_ABORTED]


@on_wire()
async def test_a_slow_wire_is_no_hang(wire: Wire) -> None:
    """A card that moves is left alone, however long it takes."""
    assert wire.a.cable is not None
    wire.a.cable.rate = 100_000
    await wire.send(*[frame(number, length=1514) for number in range(60)])
    await wire.emu.idle()
    assert wire.emu.now > 7 * SECOND
    assert wire.sender.statuses == [Status.SUCCESS] * 60
    assert wire.a.adapter.resetting.count == 0


@on_wire()
async def test_the_link_is_indicated_when_it_changes(wire: Wire) -> None:
    """MEDIA_DISCONNECT and MEDIA_CONNECT, once each, by the interrupt that says so."""
    seen = [wire.sender.binding.link_up]
    for up in (False, True):
        wire.a.nic.carrier(up=up)
        await asyncio.sleep(1e-6)
        seen.append(wire.sender.binding.link_up)
    assert seen == [True, False, True]
    await wire.a.adapter.reset()
    await wire.emu.idle()
    assert wire.sender.binding.link_up


def test_a_card_without_a_cable_starts_without_a_link() -> None:
    """The driver says so before anybody has bound."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            host.nic("eth0", RingMiniport)
            application = await host.bind("eth0")
            assert not application.link_up

    run(main())


class Aware(Peer):
    """Stays bound to an adapter that sleeps."""

    def pnp_event(self, binding: v5.Binding, event: NetPnPEvent) -> Status:
        return Status.SUCCESS


@on_wire()
async def test_a_card_sleeps_and_wakes(wire: Wire) -> None:
    """Asleep it does nothing; awake it has its filters again. What was outstanding came back."""
    aware = Aware("aware")
    await wire.a.host.bind_protocol("eth0", aware)
    wire.a.nic.stopped = "for the test"
    await wire.send(frame(1))
    assert await wire.a.adapter.set_power(PowerState.D3) is Status.SUCCESS
    assert wire.sender.statuses == [Status.REQUEST_ABORTED]
    assert wire.a.nic.mmio_read(reg.RCTL) == wire.a.nic.mmio_read(reg.IMS) == 0
    assert await wire.a.adapter.set_power(PowerState.D0) is Status.SUCCESS
    packet = aware.packets[0]
    packet.fill(frame(2))
    await wire.dispatch(wire.a.host, lambda: aware.binding.send_packets([packet]))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(2)]
    assert aware.statuses == [Status.SUCCESS]


@on_wire()
async def test_wake_up_settings_are_taken(wire: Wire) -> None:
    """A mask, and patterns that are added and removed."""
    adapter, information = wire.a.adapter, driver_of(wire).information
    sets = [
        (Oid.PNP_ENABLE_WAKE_UP, b"\x03\0\0\0"),
        (Oid.PNP_ADD_WAKE_UP_PATTERN, b"one"),
        (Oid.PNP_ADD_WAKE_UP_PATTERN, b"two"),
        (Oid.PNP_REMOVE_WAKE_UP_PATTERN, b"one"),
    ]
    for oid, data in sets:
        assert await adapter.request(OidRequest.set(oid, data)) is Status.SUCCESS
    assert (information.wake_up, list(information.patterns)) == (3, [b"two"])


@on_wire()
async def test_shutdown_silences_the_card(wire: Wire) -> None:
    """No interrupt and no DMA after it, and nothing is freed."""
    blocks = wire.a.host.memory.blocks
    await wire.a.adapter.shutdown()
    assert wire.a.nic.mmio_read(reg.IMS) == wire.a.nic.mmio_read(reg.RCTL) == wire.a.nic.mmio_read(reg.TCTL) == 0
    assert wire.a.host.memory.blocks == blocks


@pytest.mark.parametrize("told", [True, False])
def test_a_card_that_is_gone_reads_as_ones(*, told: bool) -> None:
    """The driver loops nowhere: told of it, it completes everything and halts; not told, its reset says HARD_ERRORS."""

    async def main() -> None:
        async with Emulation(seed=1) as emu:
            a, b = emu.host("a"), emu.host("b")
            slots = [host.nic("eth0", RingMiniport) for host in (a, b)]
            adapter = slots[0].adapter
            emu.connect(*slots)
            peer = Peer()
            await a.bind_protocol("eth0", peer)
            wire = Wire(emu)
            wire.a, wire.sender = slots[0], peer
            await wire.send(*[frame(number, length=1514) for number in range(40)])
            slots[0].nic.remove()
            driver = driver_of(wire)
            await wire.dispatch(a, lambda: answers.append(driver.isr()))
            if told:
                await adapter.surprise_remove()
                assert adapter.state.current is AdapterState.HALTED
                assert set(peer.statuses) <= {Status.SUCCESS, Status.NOT_ACCEPTED}
                assert a.memory.blocks == ()
            else:
                assert await adapter.reset() is Status.HARD_ERRORS
                assert wire.rules() == ["st-reset-failed"]
            assert len(peer.statuses) == 40
        assert wire.rules() == []

    answers: list[tuple[bool, bool]] = []
    run(main())
    assert answers == [(False, False)]
