"""The reference NDIS 6 miniport under control: reset, hang, removal, sleep and shutdown of a real card."""

import asyncio

import pytest

from ndisemu import Emulation, run
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.hw import registers as reg
from ndisemu.ndis import LinkState, MediaConnectState, Oid, OidRequest, PowerState, Status, StatusIndication, v6
from ndisemu.ndis.v6.states import AdapterState
from tests.drivers.conftest import frame
from tests.drivers.wire6 import Wire6, on_wire6
from tests.ndis.v6.conftest import Peer6

SECOND = 1_000_000_000


def driver_of_a(wire: Wire6) -> Ring6Miniport:
    """Return the driver of a's card."""
    miniport = wire.a.adapter.miniport
    assert isinstance(miniport, Ring6Miniport)
    return miniport


async def check_traffic(wire: Wire6) -> None:
    """See that frames still get across, in both directions, after those that are on their way."""
    await wire.emu.idle()
    before = len(wire.receiver.received), len(wire.sender.received)
    await wire.send(frame(1), frame(2))
    await wire.emu.idle()
    assert wire.received[before[0] :] == [frame(1), frame(2)]
    nbl = wire.receiver.nbls[0]
    nbl.fill(frame(3))
    await wire.dispatch(wire.hosts[1], lambda: wire.receiver.binding.send_nbls([nbl]))
    await wire.emu.idle()
    assert [data for data, _ in wire.sender.received[before[1] :]] == [frame(3)]


@on_wire6(a={"tx_ring": 8, "rx_ring": 8, "itr": 20_000})
async def test_a_reset_aborts_what_was_not_sent(wire: Wire6) -> None:
    """Sends in the ring and behind it end once, RESET_IN_PROGRESS or sent; then both rings work as before."""
    more = wire.sender.binding.allocate_nbls(200, 60)
    await wire.send(*[frame(number) for number in range(200)], nbls=more)
    assert await wire.a.adapter.reset() is Status.SUCCESS
    assert [nbl for nbl, _ in wire.sender.completed] == more
    assert set(wire.sender.statuses) <= {Status.SUCCESS, Status.RESET_IN_PROGRESS}
    assert wire.sender.statuses.count(Status.RESET_IN_PROGRESS) > 100
    assert wire.a.adapter.device.dma.mapped == {}
    assert wire.a.nic.mmio_read(reg.ITR) == 20_000 // reg.ITR_UNIT
    await check_traffic(wire)
    assert sum(driver_of_a(wire).rx.books) == 16


@on_wire6(b={"rx_ring": 8})
async def test_lists_that_are_lent_stay_lent_over_a_reset(wire: Wire6) -> None:
    """A protocol may return them whenever it likes; they go into the new ring."""
    wire.receiver.keeps = True
    await wire.send(*[frame(number) for number in range(10)])
    await wire.emu.idle()
    assert await wire.b.adapter.reset() is Status.SUCCESS
    assert wire.driver.rx.books == (7, 7)
    wire.receiver.keeps = False
    await wire.dispatch(wire.hosts[1], wire.receiver.give_back)
    assert wire.driver.rx.books == (7, 17)
    await check_traffic(wire)


@on_wire6()
async def test_a_reset_lets_a_pause_go_on(wire: Wire6) -> None:
    """A card that stands still keeps a pause waiting; the reset completes the sends, and the pause ends."""
    wire.a.nic.stopped = "for the test"
    await wire.send(frame(1), frame(2))
    pausing = asyncio.ensure_future(wire.a.adapter.pause())
    await asyncio.sleep(0.001)
    assert not pausing.done()
    assert await wire.a.adapter.reset() is Status.SUCCESS
    await pausing
    assert wire.a.adapter.state.current is AdapterState.PAUSED
    assert wire.sender.statuses == [Status.RESET_IN_PROGRESS] * 2
    await wire.a.adapter.restart()
    await check_traffic(wire)


@on_wire6()
async def test_a_card_that_stands_still_is_reset(wire: Wire6) -> None:
    """Two seconds without progress, and the sends that hang come back; the frames after it get across."""
    wire.a.nic.stopped = "for the test"
    await wire.send(frame(1), frame(2))
    await wire.emu.idle()
    assert 2 * SECOND <= wire.emu.now <= 5 * SECOND
    assert wire.sender.statuses == [Status.RESET_IN_PROGRESS] * 2
    assert wire.a.adapter.resetting.count == 1
    await check_traffic(wire)


@on_wire6()
async def test_a_slow_wire_is_no_hang(wire: Wire6) -> None:
    """A card that moves is left alone, however long it takes."""
    assert wire.a.cable is not None
    wire.a.cable.rate = 100_000
    await wire.send(*[frame(number, length=1514) for number in range(60)])
    await wire.emu.idle()
    assert wire.emu.now > 7 * SECOND
    assert wire.sender.statuses == [Status.SUCCESS] * 60
    assert wire.a.adapter.resetting.count == 0


class Listener(Peer6):
    """Notes what it hears of the link."""

    def __init__(self) -> None:
        super().__init__("listener")
        self.heard: list[LinkState] = []

    def status(self, binding: v6.Binding, indication: StatusIndication) -> None:
        if indication.code is Status.LINK_STATE:
            self.heard.append(LinkState.unpack(indication.buffer))


@on_wire6()
async def test_the_link_is_indicated_when_it_changes(wire: Wire6) -> None:
    """LINK_STATE, once for each change, by the interrupt that says so; a reset changes nothing."""
    listener = Listener()
    await wire.hosts[0].bind_protocol("eth0", listener)
    for up in (False, True):
        wire.a.nic.carrier(up=up)
        await asyncio.sleep(1e-6)
        assert listener.binding.link_up is up
    await wire.a.adapter.reset()
    await wire.emu.idle()
    down, up_again = listener.heard
    assert down == LinkState(MediaConnectState.DISCONNECTED)
    assert (up_again.up, up_again.send_speed) == (True, 1_000_000_000)


def test_a_card_without_a_cable_starts_without_a_link() -> None:
    """The driver says so before anybody has bound."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            host.nic("eth0", Ring6Miniport)
            peer = Peer6()
            await host.bind_protocol("eth0", peer)
            assert not peer.binding.link_up

    run(main())


@on_wire6()
async def test_a_card_sleeps_and_wakes(wire: Wire6) -> None:
    """Asleep it does nothing, and sends end with LOW_POWER_STATE; awake it has its filters again."""
    adapter = wire.a.adapter
    assert await adapter.set_power(PowerState.D3) is Status.SUCCESS
    assert wire.a.nic.mmio_read(reg.RCTL) == wire.a.nic.mmio_read(reg.IMS) == 0
    await wire.send(frame(1))
    assert wire.sender.statuses == [Status.LOW_POWER_STATE]
    assert await adapter.set_power(PowerState.D0) is Status.SUCCESS
    await check_traffic(wire)


@on_wire6()
async def test_shutdown_silences_the_card(wire: Wire6) -> None:
    """No interrupt and no DMA after it, and nothing is freed."""
    blocks = wire.hosts[0].memory.blocks
    await wire.a.adapter.shutdown()
    assert wire.a.nic.mmio_read(reg.IMS) == wire.a.nic.mmio_read(reg.RCTL) == wire.a.nic.mmio_read(reg.TCTL) == 0
    assert wire.hosts[0].memory.blocks == blocks


@on_wire6()
async def test_a_card_that_is_gone_is_halted(wire: Wire6) -> None:
    """Its interrupt is nobody's, everything ends with NOT_ACCEPTED unless it was sent, and nothing is kept."""
    await wire.send(*[frame(number, length=1514) for number in range(40)])
    wire.a.nic.remove()
    driver = driver_of_a(wire)
    answers: list[object] = []
    await wire.dispatch(wire.hosts[0], lambda: answers.append(driver.interrupt()))
    await wire.a.adapter.surprise_remove()
    assert answers == [(False, False, 0)]
    assert driver.oid_request(OidRequest.query(Oid.GEN_XMIT_OK, 4)) is Status.NOT_ACCEPTED
    assert wire.a.adapter.state.current is AdapterState.HALTED
    assert set(wire.sender.statuses) <= {Status.SUCCESS, Status.NOT_ACCEPTED}
    assert len(wire.sender.statuses) == 40
    assert wire.hosts[0].memory.blocks == ()
    assert wire.a.adapter.device.dma.mapped == {}


@on_wire6()
async def test_a_reset_of_a_card_that_is_gone_fails(wire: Wire6) -> None:
    """Nobody has told the driver, and it loops nowhere: HARD_ERRORS, and every send has come back."""
    await wire.send(*[frame(number, length=1514) for number in range(40)])
    wire.a.nic.remove()
    assert await wire.a.adapter.reset() is Status.HARD_ERRORS
    assert wire.rules() == ["st-reset-failed"]
    assert len(wire.sender.statuses) == 40


@pytest.mark.parametrize("awake", [True, False])
@on_wire6()
async def test_a_card_may_be_pulled_out_asleep(wire: Wire6, *, awake: bool) -> None:
    """It is halted all the same, and nothing is kept."""
    if not awake:
        assert await wire.a.adapter.set_power(PowerState.D3) is Status.SUCCESS
    wire.a.nic.remove()
    await wire.a.adapter.surprise_remove()
    assert wire.hosts[0].memory.blocks == ()
