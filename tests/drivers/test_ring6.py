"""The reference NDIS 6 miniport on its card: every frame once and in order, pauses that wait, and a clean end."""

import asyncio
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu import Emulation, run
from ndisemu.drivers.information import ANSWERED_IN_6
from ndisemu.drivers.protocols import Flow, Generator, Station6
from ndisemu.drivers.ring6 import BUDGET, Ring6Miniport
from ndisemu.hw import registers as reg
from ndisemu.kernel import run_passive
from ndisemu.machine import Slot
from ndisemu.ndis import Oid, Status, v6
from ndisemu.scenario.counters import books, count, count_buffers
from tests.drivers.conftest import frame, keep_small
from tests.drivers.wire6 import Wire6, on_wire6


def generator(slots: tuple[Slot, Slot], frames: int, sizes: list[int]) -> Generator:
    """Make a source of frames from the first card to the second."""
    source, destination = (slot.nic.mac for slot in slots)
    return Generator(Random(5), source=source, destination=destination, frames=frames, sizes=sizes, burst=32)


def test_two_thousand_frames_get_across_unaltered() -> None:
    """Two stations over NDIS 6: all frames arrive in order, nothing is found, and every book balances."""

    async def main() -> None:
        async with Emulation(seed=3) as emu:
            a, b = emu.host("a"), emu.host("b")
            slots = a.nic("eth0", Ring6Miniport), b.nic("eth0", Ring6Miniport)
            emu.connect(*slots)
            flow = Flow("there")
            sender = Station6("a", sources=[(generator(slots, 2000, [60, 1514, 300]), flow)])
            sink = Station6("b", flows=[flow])
            await b.bind_protocol("eth0", sink)
            await a.bind_protocol("eth0", sender)
            emu.kernel.submit(lambda: a.cpus[0].queue_thread(sender.start))
            await emu.idle()
            assert (flow.intact, flow.late, flow.unexpected, sender.failed) == (2000, 0, 0, 0)
            for slot in slots:
                counters = count(slot, [], count_buffers(slot))
                assert [line for line in books(slot.name, counters) if not line["balanced"]] == []
        assert emu.findings == []
        assert [slot.adapter.state.current.value for slot in slots] == ["Halted", "Halted"]

    run(main())


@pytest.mark.parametrize("ring", [8, 16, 256])
def test_sends_queue_inside_whatever_the_ring(ring: int) -> None:
    """Chains far longer than the ring are sent whole and in order; nothing is refused."""

    @on_wire6(a={"tx_ring": ring})
    async def check(wire: Wire6) -> None:
        nbls = wire.sender.binding.allocate_nbls(1000, 60)
        frames = [frame(number) for number in range(1000)]
        await wire.send(*frames[:700], nbls=nbls[:700])
        await wire.send(*frames[700:], nbls=nbls[700:], cpu=1)
        await wire.emu.idle()
        assert wire.received == frames
        assert wire.sender.completed == [(nbl, Status.SUCCESS) for nbl in nbls]

    check()


def gather(nbls: list[v6.NetBufferList], frames: list[bytes]) -> v6.NetBufferList:
    """Make one list of many frames: the frames of `nbls` move into the first."""
    first, *others = nbls
    for nbl, data in zip(nbls, frames, strict=True):
        nbl.fill(data)
    for nbl in others:
        (buffer,) = nbl.buffers
        nbl.buffers = ()
        buffer.nbl = first
        first.buffers += (buffer,)
    return first


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.sampled_from([8, 32, 256]))
@settings(max_examples=25)
def test_a_list_may_be_many_frames(counts: list[int], ring: int) -> None:
    """However many frames a list has, and however short the ring: they leave in order, and it is completed once."""

    @on_wire6(a={"tx_ring": ring})
    async def check(wire: Wire6) -> None:
        flows: list[v6.NetBufferList] = []
        sent: list[bytes] = []
        for count_of in counts:
            frames = [frame(len(sent) + place) for place in range(count_of)]
            flows.append(gather(wire.sender.binding.allocate_nbls(count_of, 60), frames))
            sent += frames
        await wire.dispatch(wire.hosts[0], lambda: wire.sender.binding.send_nbls(flows))
        await wire.emu.idle()
        assert wire.received == sent
        assert wire.sender.completed == [(nbl, Status.SUCCESS) for nbl in flows]
        assert wire.a.adapter.device.dma.mapped == {}

    check()


@on_wire6()
async def test_a_frame_that_is_too_long_fails_its_list(wire: Wire6) -> None:
    """What exceeds MTU and header ends with INVALID_LENGTH; the lists around it are sent."""
    nbls = wire.sender.binding.allocate_nbls(3, 2000)
    await wire.send(frame(1), frame(2, length=1515), frame(3, length=1514), nbls=nbls)
    await wire.send(frame(2, length=1515), nbls=wire.sender.binding.allocate_nbls(1, 2000))
    await wire.emu.idle()
    assert wire.received == [frame(1), frame(3, length=1514)]
    assert dict(wire.sender.completed)[nbls[1]] is Status.INVALID_LENGTH
    assert wire.sender.statuses.count(Status.INVALID_LENGTH) == 2


@on_wire6()
async def test_a_frame_of_nothing_fails_its_list(wire: Wire6) -> None:
    """There is nothing to send, so it ends with INVALID_LENGTH; the lists around it are sent."""
    nbls = wire.sender.nbls[:3]
    await wire.send(frame(0), b"", frame(2), nbls=nbls)
    await wire.emu.idle()
    assert wire.received == [frame(0), frame(2)]
    ended = dict(wire.sender.completed)
    assert [ended[nbl] for nbl in nbls] == [Status.SUCCESS, Status.INVALID_LENGTH, Status.SUCCESS]


@on_wire6(a={"tx_ring": 8})
async def test_a_frame_in_too_many_pieces_fails(wire: Wire6) -> None:
    """It can never be in the ring, so its list fails, and nothing waits behind it."""
    pieces = [nbl.buffers[0].mdls[0] for nbl in wire.sender.binding.allocate_nbls(8, 40)]
    nbls = wire.sender.nbls[:3]
    nbls[1].buffers = (v6.NetBuffer(nbls[1], pieces, 0, 300),)
    await wire.send(frame(0), frame(1, length=300), frame(2), nbls=nbls)
    await wire.emu.idle()
    assert wire.received == [frame(0), frame(2)]
    assert [dict(wire.sender.completed)[nbl] for nbl in nbls] == [Status.SUCCESS, Status.FAILURE, Status.SUCCESS]


@on_wire6(b={"rx_ring": 16})
async def test_a_pause_waits_until_every_list_is_back(wire: Wire6) -> None:
    """While a protocol holds received lists the adapter is Pausing; what arrives meanwhile waits in the ring."""
    wire.receiver.keeps = True

    await wire.send(frame(1), frame(2))
    await wire.emu.idle()
    assert wire.driver.lent == 2
    held, wire.receiver.held = wire.receiver.held, []
    pausing = asyncio.ensure_future(wire.b.adapter.pause())
    await asyncio.sleep(1)
    assert not pausing.done()
    assert wire.receiver.binding.state.current.value == "Pausing"
    await wire.dispatch(wire.hosts[1], lambda: wire.receiver.binding.return_nbls(held[:1]))
    await asyncio.sleep(1)
    assert not pausing.done()
    await wire.dispatch(wire.hosts[1], lambda: wire.receiver.binding.return_nbls(held[1:]))
    await pausing
    assert wire.b.adapter.state.current.value == "Paused"


@on_wire6()
async def test_the_miniport_itself_waits_for_what_it_has_lent(wire: Wire6) -> None:
    """MiniportPause stays pending until the last list is back, in the driver's own books."""
    wire.receiver.keeps = True
    await wire.send(frame(1))
    await wire.emu.idle()
    ended: list[Status] = []

    async def pause() -> None:
        ended.append(await wire.driver.pause())

    pausing = asyncio.ensure_future(run_passive(pause, wire.hosts[1].cpus[0]))
    await asyncio.sleep(0.001)
    assert ended == []
    await wire.dispatch(wire.hosts[1], wire.receiver.give_back)
    await pausing
    assert ended == [Status.SUCCESS]


@on_wire6()
async def test_what_comes_while_it_is_paused_is_indicated_afterwards(wire: Wire6) -> None:
    """The card goes on receiving into the ring; nothing is indicated until the restart, and nothing is lost."""
    await wire.b.adapter.pause()
    await wire.send(frame(1), frame(2))
    await wire.emu.idle()
    assert wire.received == []
    await wire.b.adapter.restart()
    await wire.send(frame(3))
    await wire.emu.idle()
    assert wire.received == [frame(1), frame(2), frame(3)]


@pytest.mark.parametrize("run", [1, 3, 10])
@on_wire6(a={"tx_ring": 8})
async def test_a_cancel_takes_back_what_is_queued(wire: Wire6, run: int) -> None:
    """Lists under the id that the card has not got end with SEND_ABORTED; all others are sent, in order. 0 is no id."""
    nbls = wire.sender.binding.allocate_nbls(40, 60)
    frames = [frame(number) for number in range(40)]
    for number, nbl in enumerate(nbls):
        nbl.fill(frames[number])
        nbl.info[v6.NblInfo.CANCEL_ID] = number // run % 3
    # The card has the first burst, of five frames.
    gone = [number >= 5 and number // run % 3 == 2 for number in range(40)]

    def send_and_cancel() -> None:
        wire.sender.binding.send_nbls(nbls)
        wire.sender.binding.cancel_send(0)
        wire.sender.binding.cancel_send(2)

    await wire.dispatch(wire.hosts[0], send_and_cancel)
    await wire.emu.idle()
    assert wire.received == [data for data, out in zip(frames, gone, strict=True) if not out]
    statuses = dict(wire.sender.completed)
    assert [statuses[nbl] is Status.SEND_ABORTED for nbl in nbls] == gone
    assert wire.a.adapter.sends.cancelled == gone.count(True) == len(nbls) - wire.a.adapter.sends.completed
    await wire.send(frame(50))
    await wire.emu.idle()
    assert wire.received[-1] == frame(50)


@on_wire6(a={"tx_ring": 8})
async def test_a_list_in_several_bursts_is_not_taken_back(wire: Wire6) -> None:
    """A cancel finds it queued in part, and it is sent whole; those beside it end with SEND_ABORTED."""
    _, long, _ = nbls = wire.sender.binding.allocate_nbls(3, 60)
    frames = [frame(number) for number in range(14)]
    pieces = [nbl.buffers[0].mdls[0] for nbl in wire.sender.binding.allocate_nbls(12, 60)]
    long.buffers = tuple(v6.NetBuffer(long, [piece], 0, 60) for piece in pieces)
    for buffer, data in zip([buffer for nbl in nbls for buffer in nbl.buffers], frames, strict=True):
        buffer.fill(data)
    for nbl in nbls:
        nbl.info[v6.NblInfo.CANCEL_ID] = 2

    def send_and_cancel() -> None:
        wire.sender.binding.send_nbls([wire.sender.nbls[0]])
        wire.sender.binding.send_nbls(nbls)
        wire.sender.binding.cancel_send(2)

    wire.sender.nbls[0].fill(frame(20))
    await wire.dispatch(wire.hosts[0], send_and_cancel)
    await wire.emu.idle()
    statuses = dict(wire.sender.completed)
    assert [statuses[nbl] for nbl in nbls] == [Status.SEND_ABORTED, Status.SUCCESS, Status.SEND_ABORTED]
    assert wire.received == [frame(20), *frames[1:-1]]


@on_wire6(b={"itr": 1_000_000, "rx_ring": 1024})
async def test_a_long_run_of_frames_takes_several_dpcs(wire: Wire6) -> None:
    """One DPC indicates a bounded number of frames, in one chain, and comes back for the rest without another interrupt."""
    nbls = wire.sender.binding.allocate_nbls(600, 60)
    await wire.send(*[frame(number) for number in range(600)], nbls=nbls)
    before = wire.b.adapter.interrupts
    await wire.emu.idle()
    assert wire.received == [frame(number) for number in range(600)]
    assert wire.receiver.chains == [BUDGET, BUDGET, 600 - 2 * BUDGET]
    assert wire.b.adapter.interrupts - before < 600 // BUDGET + 2
    assert wire.hosts[1].cpus[0].dpcs_run >= 600 // BUDGET


@on_wire6(b={"rx_ring": 16})
async def test_protocols_may_keep_a_rings_worth_of_frames(wire: Wire6) -> None:
    """When all buffers are kept, and no more are asked for, the card waits, and goes on when they return."""
    wire.receiver.keeps = True
    keep_small(wire.b)
    await wire.send(*[frame(number) for number in range(40)])
    await wire.emu.idle()
    assert (len(wire.received), wire.driver.rx.books) == (32, (0, 0))
    wire.receiver.keeps = False
    await wire.dispatch(wire.hosts[1], wire.receiver.give_back)
    await wire.emu.idle()
    assert wire.received == [frame(number) for number in range(40)]
    assert wire.driver.rx.books == (15, 17)


@on_wire6(mtus=(9000, 9000), b={"rx_ring": 8})
async def test_jumbo_frames_get_across(wire: Wire6) -> None:
    """With an MTU of 9000 the longest frame has 9014 bytes."""
    nbls = wire.sender.binding.allocate_nbls(2, 9014)
    frames = [frame(1, length=9014), frame(2, length=60)]
    await wire.send(*frames, nbls=nbls)
    await wire.emu.idle()
    assert wire.received == frames


@on_wire6(mtus=(9000, 3000), b={"itr": 1_000_000, "rx_ring": 1024})
async def test_parts_that_were_dropped_leave_no_frame_behind_in_the_ring(wire: Wire6) -> None:
    """The budget has ended when so many descriptors are empty, and not lists indicated: the DPC comes back for the rest."""
    frames = [frame(number) for number in range(2 * BUDGET)]
    await wire.send(frame(1, length=9014), nbls=wire.sender.binding.allocate_nbls(1, 9014))
    await wire.send(*frames, nbls=wire.sender.binding.allocate_nbls(len(frames), 60))
    await wire.emu.idle()
    assert wire.received == frames


@on_wire6()
async def test_halting_silences_the_card_and_gives_everything_back(wire: Wire6) -> None:
    """After MiniportHaltEx the card is reset, and neither memory nor pools nor an interrupt are the driver's."""
    await wire.send(frame(1))
    await wire.emu.idle()
    await wire.hosts[0].halt()
    assert wire.hosts[0].memory.blocks == ()
    assert wire.hosts[0].ndis.nbl_pools == []
    assert wire.a.nic.mmio_read(reg.IMS) == wire.a.nic.mmio_read(reg.RCTL) == wire.a.nic.mmio_read(reg.TCTL) == 0


@on_wire6()
async def test_a_shutdown_silences_the_card(wire: Wire6) -> None:
    """MiniportShutdownEx frees nothing, and the card does nothing any more."""
    await wire.dispatch(wire.hosts[0], lambda: wire.a.adapter.miniport.shutdown(v6.ShutdownAction.POWER_OFF))  # type: ignore[attr-defined]
    assert wire.a.nic.mmio_read(reg.IMS) == wire.a.nic.mmio_read(reg.TCTL) == 0
    assert wire.hosts[0].memory.blocks != ()


@pytest.mark.parametrize("oid", ANSWERED_IN_6)
@on_wire6()
async def test_it_answers_what_it_says_it_answers(wire: Wire6, oid: Oid) -> None:
    """Every OID of its supported list has an answer."""
    answers: list[bytes] = []

    async def ask() -> None:
        answers.append(await wire.sender.binding.query(oid, 256))

    await run_passive(ask, wire.hosts[0].cpus[0])
    assert len(answers) == 1


def test_a_pause_in_the_middle_of_traffic_loses_nothing() -> None:
    """Both adapters are paused and restarted while stations send; every frame arrives, intact and in order."""

    async def main() -> None:
        async with Emulation(seed=3) as emu:
            a, b = emu.host("a"), emu.host("b")
            slots = a.nic("eth0", Ring6Miniport), b.nic("eth0", Ring6Miniport)
            emu.connect(*slots)
            flow = Flow("there")
            sender = Station6("a", sources=[(generator(slots, 3000, [600]), flow)])
            sink = Station6("b", flows=[flow])
            await b.bind_protocol("eth0", sink)
            await a.bind_protocol("eth0", sender)
            emu.kernel.submit(lambda: a.cpus[0].queue_thread(sender.start))
            for slot in (*slots, *slots):
                await asyncio.sleep(0.002)
                await slot.adapter.pause()
                await asyncio.sleep(0.0001)
                await slot.adapter.restart()
            await emu.idle()
            assert (flow.sent, flow.intact, flow.late, sender.failed) == (3000, 3000, 0, 0)
        assert emu.findings == []

    run(main())


def test_a_station_rests_while_its_adapter_is_reset() -> None:
    """What was in the card fails; a station sends no more until the reset is over, nor while it is paused."""

    async def main() -> None:
        async with Emulation(seed=3) as emu:
            a, b = emu.host("a"), emu.host("b")
            slots = a.nic("eth0", Ring6Miniport), b.nic("eth0", Ring6Miniport)
            emu.connect(*slots)
            flow = Flow("there")
            sender = Station6("a", sources=[(generator(slots, 3000, [600]), flow)])
            await b.bind_protocol("eth0", Station6("b", flows=[flow]))
            await a.bind_protocol("eth0", sender)
            emu.kernel.submit(lambda: a.cpus[0].queue_thread(sender.start))
            await asyncio.sleep(0.002)
            assert await slots[0].adapter.reset() is Status.SUCCESS
            await slots[0].adapter.pause()
            assert await slots[0].adapter.reset() is Status.SUCCESS
            sent = slots[0].adapter.sends.submitted
            await asyncio.sleep(0.001)
            assert slots[0].adapter.sends.submitted == sent
            await slots[0].adapter.restart()
            await emu.idle()
            assert slots[0].adapter.sends.failures == {Status.RESET_IN_PROGRESS: sender.failed}
            assert 0 < sender.failed <= 128
            assert flow.intact >= 3000 - sender.failed
        assert emu.findings == []

    run(main())
