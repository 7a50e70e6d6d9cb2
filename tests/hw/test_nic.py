"""Claims about the card as a whole: reset, link, register widths, and two cards talking."""

import pytest

from ndisemu.hw import registers as reg
from ndisemu.kernel import Costs, Cpu
from tests.hw.conftest import LAST_BIT, PERIOD, Bench, Host, Listener, frame, serviced

CARD_UP = reg.CTRL_FD | reg.CTRL_SLU


def test_frames_travel_both_ways_at_once(pair: tuple[Host, Host]) -> None:
    """Two cards on a cable exchange bursts; what one sends is what the other's memory holds, in order."""
    a, b = pair
    there, back = [frame(number) for number in range(20)], [frame(number, 100) for number in range(20)]
    a.send(*there)
    b.send(*back)
    a.run(40_000)
    assert (b.received(), a.received()) == (there, back)


def test_a_reset_clears_itself_and_every_register(host: Host) -> None:
    """CTRL.RST puts registers, rings, causes and mask to their reset values, and reads as zero at once."""
    words = [row.offset + 4 * place for row in reg.REGISTERS for place in range(row.count) if row.name != "PBA"]
    fresh = [host.read(offset) for offset in words]
    for offset in words:
        host.write(offset, 0x40)
    host.write(reg.ITR, 0)
    host.write(reg.IMS, reg.LSC)
    host.write(reg.ICS, reg.LSC)
    assert host.interrupting()
    assert [host.read(offset) for offset in words] != fresh

    host.write(reg.CTRL, reg.CTRL_RST)

    assert not host.interrupting()
    assert host.read(reg.CTRL) & reg.CTRL_RST == 0
    assert [host.read(offset) for offset in words] == fresh


def test_a_reset_reloads_the_permanent_address(host: Host) -> None:
    """Whatever the driver wrote to RAL0 and RAH0, the card's own address is back, and is filtered by."""
    host.write(reg.RAL0, 0x11223344)
    host.write(reg.RAH0, 0)
    host.write(reg.CTRL, reg.CTRL_RST)
    assert host.read(reg.RAL0).to_bytes(4, "little") == host.nic.mac[:4]
    assert host.read(reg.RAH0) == int.from_bytes(host.nic.mac[4:], "little") | reg.RAH_AV
    host.start(rctl=reg.RCTL_EN | reg.RCTL_SECRC)
    host.arrive(frame(1, 60, host.nic.mac), at=1)
    host.run(1)
    assert host.received() == [frame(1, 60, host.nic.mac)]


def test_a_reset_forgets_frames_and_statistics_but_not_the_books(receiver: Host) -> None:
    """What waited in the packet buffer is missed; the counters that software reads start again, the totals go on."""
    receiver.write(reg.RDT, 0)
    receiver.arrive(frame(1), frame(2), at=1)
    receiver.run(1)
    receiver.write(reg.CTRL, reg.CTRL_RST)
    assert receiver.nic.rx.waiting == 0
    assert receiver.nic.rx.dropped["missed"] == 2
    assert receiver.read(reg.GPRC) == 0
    assert receiver.nic.statistics.total[reg.GPRC] == 2


def test_a_reset_lets_frames_under_way_arrive(receiver: Host) -> None:
    """The cable knows nothing of a reset: who is receiving again in time gets what comes."""
    receiver.arrive(frame(1), frame(2), at=100, every=100)
    receiver.run(50)
    receiver.write(reg.CTRL, reg.CTRL_RST)
    receiver.run(150)
    receiver.start()
    receiver.run(200)
    assert receiver.received() == [frame(2)]
    assert receiver.nic.rx.dropped["disabled"] == 1


def test_pba_survives_a_reset(receiver: Host) -> None:
    """The driver sets it and then resets the card, which is when it takes effect (13.4.16)."""
    receiver.write(reg.PBA, 8)
    receiver.write(reg.CTRL, reg.CTRL_RST)
    assert receiver.read(reg.PBA) == 8
    assert receiver.nic.rx.packet_buffer == 8 * 1024


def test_the_link_comes_up_when_cable_and_driver_agree(bench: Bench, host: Host) -> None:
    """STATUS.LU needs a carrier and CTRL.SLU; each change of it raises LSC."""
    seen = []

    def look() -> None:
        seen.append((bool(host.read(reg.STATUS) & reg.STATUS_LU), host.read(reg.ICR) == reg.LSC))

    cable = bench.cable()
    look()
    bench.listen(host, cable)
    host.read(reg.ICR)
    look()
    host.write(reg.CTRL, CARD_UP)
    look()
    host.write(reg.CTRL, CARD_UP)
    look()
    host.write(reg.CTRL, reg.CTRL_FD)
    look()
    host.write(reg.CTRL, CARD_UP)
    look()
    cable.unplug()
    look()

    assert seen == [
        (False, False),
        (False, False),
        (True, True),
        (True, False),
        (False, True),
        (True, True),
        (False, True),
    ]


def test_an_unplugged_card_stays_down_until_it_is_plugged_in_again(bench: Bench, host: Host) -> None:
    """Neither a reset nor SLU brings a link up without a carrier; sends wait for it."""
    cable = bench.cable()
    bench.listen(host, cable)
    host.start()
    cable.unplug()
    host.write(reg.CTRL, reg.CTRL_RST)
    host.start()
    host.send(frame(1))
    host.run(1000)
    assert not host.read(reg.STATUS) & reg.STATUS_LU
    assert host.read(reg.TDH) == 0
    assert repr(host.nic) == "<Nic h.eth0 link down, tx 0/1, rx 0/31>"

    assert host.nic.end is cable.a

    again = bench.listen(host, cable)
    host.run(3000)
    assert host.read(reg.STATUS) & reg.STATUS_LU
    assert again.times == [1000 + LAST_BIT]
    assert repr(host.nic) == "<Nic h.eth0 link up, tx 1/1, rx 0/31>"


def test_a_link_that_the_driver_takes_down_sends_nothing(host: Host, wire: Listener) -> None:
    """With SLU cleared, frames wait as without a cable."""
    host.write(reg.CTRL, reg.CTRL_FD)
    host.send(frame(1))
    host.run(1000)
    assert wire.frames == []
    host.write(reg.CTRL, CARD_UP)
    host.run(2000)
    assert wire.frames == [frame(1)]


@pytest.mark.parametrize(("width", "value"), [(1, 0x44), (2, 0x3344), (4, 0x11223344)])
def test_a_narrow_read_gives_the_low_bytes(host: Host, width: int, value: int) -> None:
    """A register is 32 bits; whoever asks for less gets its first bytes."""
    host.write(reg.MTA, 0x11223344)
    assert host.nic.mmio_read(reg.MTA, width) == value


@pytest.mark.parametrize("width", [1, 2, 8])
def test_a_write_of_another_width_changes_nothing(host: Host, width: int) -> None:
    """The card takes 32-bit writes only."""
    host.write(reg.MTA, 0x11223344)
    host.nic.mmio_write(reg.MTA, 0xFF, width)
    host.nic.mmio_write(reg.CTRL, reg.CTRL_RST, width)
    assert host.read(reg.MTA) == 0x11223344


def test_a_write_of_more_than_32_bits_is_cut(host: Host) -> None:
    """The bus has 32 data lines for a register."""
    host.write(reg.MTA, 0x1_FFFF_FFFF)
    assert host.read(reg.MTA) == 0xFFFFFFFF


def test_a_doorbell_takes_effect_at_the_time_of_the_code_that_rang_it(host: Host, wire: Listener) -> None:
    """Code that was charged 700 ns rings 700 ns later; a doorbell in between changes nothing about it."""

    def busy() -> None:
        host.cpu.charge(700)
        host.send(frame(1))
        host.send(frame(2))

    host.cpu.queue_thread(busy)
    host.run(5000)
    assert wire.times == [700 + LAST_BIT, 700 + PERIOD + LAST_BIT]


def test_a_doorbell_to_come_is_not_seen_by_an_engine_that_runs_before(host: Host, wire: Listener) -> None:
    """A full FIFO makes the engine go on by itself; it does not take what is written for later."""
    long = [frame(number, 1514) for number in range(12)]
    host.send(*long)
    host.run(1000)

    def busy() -> None:
        host.cpu.charge(500_000)
        host.send(frame(1))

    host.cpu.queue_thread(busy)
    host.run(1_000_000)
    assert wire.frames == [*long, frame(1)]
    assert wire.times[-1] == 501_000 + LAST_BIT


def test_a_card_hears_doorbells_in_the_order_in_which_they_are_written(bench: Bench) -> None:
    """While one CPU's doorbell lies ahead, a later one of another CPU is not heard before: the tail never goes back."""
    host = bench.host("h")
    listener = bench.listen(host, bench.cable())
    host.start()
    slow, quick = (Cpu(host.kernel, name) for name in ("slow", "quick"))

    def send(cpu: Cpu, ns: int, number: int) -> None:
        cpu.charge(ns)
        host.send(frame(number))

    slow.queue_thread(lambda: send(slow, 5000, 1))
    quick.queue_thread(lambda: send(quick, 1000, 2))
    host.run(100_000)
    assert listener.frames == [frame(1), frame(2)]
    assert listener.times == [5000 + LAST_BIT, 5000 + PERIOD + LAST_BIT]


def test_a_reset_forgets_doorbells_to_come(host: Host, wire: Listener) -> None:
    """What was written before it does not move the tail of the ring that begins after it."""

    def busy() -> None:
        host.cpu.charge(5000)
        host.send(frame(1))
        host.write(reg.CTRL, reg.CTRL_RST)
        host.start()

    host.cpu.queue_thread(busy)
    host.run(100_000)
    assert (wire.frames, host.read(reg.TDT)) == ([], 0)


def test_an_arrival_is_not_held_up_by_a_doorbell_to_come(bench: Bench) -> None:
    """While a busy CPU's doorbell lies ahead, another CPU's interrupt comes at the time of its frame."""
    host = bench.host("h")
    listener = bench.listen(host, bench.cable())
    host.start()
    seen: list[int] = []
    serviced(host, lambda causes: seen.append(host.kernel.now) if causes & reg.RXT0 else None)
    host.write(reg.IMS, reg.RXT0)
    other = bench.host("o").cpu

    def busy() -> None:
        other.charge(50_000)
        host.send(frame(1))

    other.queue_thread(busy)
    host.arrive(frame(2), frame(3), at=1000, every=1000)
    host.run(100_000)
    assert seen == [1000, 2000]
    assert listener.times == [50_000 + LAST_BIT]


def test_modelled_costs_delay_the_interrupt_not_the_frame(pair: tuple[Host, Host]) -> None:
    """A CPU that is busy services late, and then finds all that has arrived meanwhile."""
    a, b = pair
    seen: list[tuple[int, int]] = []
    serviced(b, lambda _: seen.append((b.kernel.now, b.read(reg.RDH))))
    b.cpu.costs = Costs(isr=2000)
    b.read(reg.ICR)
    b.write(reg.IMS, reg.RXT0)
    a.send(*[frame(number) for number in range(5)])
    a.run(20_000)
    assert [when for when, _ in seen] == [LAST_BIT, LAST_BIT + 2000, LAST_BIT + 4000]
    assert [head for _, head in seen] == [1, 3, 5]


def test_a_ring_of_the_smallest_size_works(host: Host, wire: Listener) -> None:
    """Eight descriptors, of which seven may be given to the card."""
    host.write(reg.TDLEN, 8 * 16)
    for number in range(14):
        host.load(number % 8, frame(number), reg.TX_EOP | reg.TX_RS)
        host.write(reg.TDT, (number + 1) % 8)
        host.run((number + 1) * PERIOD)
    assert wire.frames == [frame(number) for number in range(14)]
    host.write(reg.TDT, 8)
    assert host.findings() == [("ring-index", "h.eth0")]
