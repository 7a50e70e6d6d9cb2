"""Claims about trouble: a card that hangs until it is reset, one that is removed for good, and a cable that goes down."""

import pytest

from ndisemu.hw import registers as reg
from tests.hw.conftest import COUNT, LAST_BIT, PERIOD, Bench, Host, Listener, frame, serviced


def interrupts(host: Host) -> list[tuple[int, int]]:
    """Unmask everything; returns the list of when the service routine runs from now on, and with which causes."""
    seen: list[tuple[int, int]] = []
    host.read(reg.ICR)
    serviced(host, lambda causes: seen.append((host.kernel.now, causes)))
    host.write(reg.IMS, reg.CAUSES)
    return seen


def carrier(host: Host) -> bool:
    """Tell whether a card says that its link is up."""
    return bool(host.read(reg.STATUS) & reg.STATUS_LU)


def test_a_hung_card_sends_nothing(host: Host, wire: Listener) -> None:
    """Doorbells are heard and change nothing; what it had sent before arrives."""
    host.send(frame(1))
    host.run(100)
    host.nic.hang()
    host.send(frame(2))
    host.run(5000)
    assert wire.frames == [frame(1)]
    assert (host.read(reg.TDH), host.read(reg.TDT), host.sent()[:2]) == (1, 2, [True, False])
    assert host.nic.hung
    assert repr(host.nic) == "<Nic h.eth0 link up, hung, tx 1/2, rx 0/31>"


def test_a_doorbell_just_before_the_hang_is_lost(host: Host, wire: Listener) -> None:
    """The card had not looked at its ring yet."""
    host.send(frame(1))
    host.nic.hang()
    host.run(5000)
    assert (wire.frames, host.read(reg.TDH)) == ([], 0)


def test_a_hung_card_fills_its_packet_buffer_and_then_misses(receiver: Host) -> None:
    """What arrived before is in the ring; 48 KB wait on the card, whatever the ring has room for; the rest is missed."""
    receiver.arrive(frame(100, 1514), *[frame(number, 1514) for number in range(34)], at=1, every=1)
    receiver.run(1)
    receiver.nic.hang()
    receiver.run(50)
    rx = receiver.nic.rx
    assert receiver.received() == [frame(100, 1514)]
    assert (rx.arrived, rx.delivered, rx.waiting, rx.dropped["missed"]) == (35, 1, 32, 2)
    assert (receiver.read(reg.RNBC), receiver.read(reg.MPC)) == (34, 2)

    receiver.write(reg.CTRL, reg.CTRL_RST)
    assert (rx.waiting, rx.dropped["missed"]) == (0, 34)


def test_returned_descriptors_do_not_wake_a_hung_card(receiver: Host) -> None:
    """A new tail is stored, and what waits goes on waiting."""
    receiver.write(reg.RDT, 0)
    receiver.arrive(frame(1), at=1)
    receiver.run(1)
    receiver.nic.hang()
    receiver.write(reg.RDT, COUNT - 1)
    receiver.run(10)
    assert (receiver.received(), receiver.nic.rx.waiting, receiver.read(reg.RDT)) == ([], 1, COUNT - 1)


def test_a_hung_card_does_not_interrupt(host: Host, wire: Listener) -> None:
    """An asserted line is let go, and nothing asserts it again: no arrival, no ICS, no mask."""
    host.write(reg.IMS, reg.CAUSES)
    assert host.interrupting()
    host.nic.hang()
    assert not host.interrupting()
    seen = interrupts(host)
    host.write(reg.ICS, reg.TXDW)
    host.arrive(frame(1), at=10)
    host.run(1000)
    assert seen == []
    assert host.read(reg.ICR) == reg.TXDW
    assert wire.frames == []


def test_registers_of_a_hung_card_answer(receiver: Host) -> None:
    """Software that looks finds what it wrote, the link as it is, and no progress."""
    receiver.nic.hang()
    receiver.write(reg.MTA, 0x11223344)
    assert receiver.read(reg.MTA) == 0x11223344
    assert receiver.read(reg.RCTL) & reg.RCTL_EN


@pytest.mark.parametrize("how", ["CTRL.RST", "power"])
def test_a_reset_ends_a_hang(host: Host, wire: Listener, how: str) -> None:
    """A card that was reset and set up again sends, receives and interrupts as ever."""
    host.nic.hang()
    host.send(frame(1))
    host.run(1000)
    if how == "power":
        host.nic.power_off()
    else:
        host.write(reg.CTRL, reg.CTRL_RST)
    assert not host.nic.hung
    host.tx_next = 0
    host.start()
    seen = interrupts(host)
    host.send(frame(2))
    host.arrive(frame(3), at=3000)
    host.run(5000)
    assert (wire.frames, wire.times) == ([frame(2)], [1000 + LAST_BIT])
    assert host.received() == [frame(3)]
    assert seen == [(1000, reg.TXDW | reg.TXQE), (3000, reg.RXT0)]


@pytest.mark.parametrize(("width", "ones"), [(1, 0xFF), (2, 0xFFFF), (4, 0xFFFFFFFF)])
@pytest.mark.parametrize("register", [reg.CTRL, reg.ICR, reg.STATUS, reg.TDH, reg.MPC, reg.MTA, 0x0004])
def test_every_register_of_a_removed_card_reads_as_ones(host: Host, register: int, width: int, ones: int) -> None:
    """Nobody drives the bus, whatever the width and whether or not there was a register."""
    host.nic.remove()
    assert host.nic.removed
    assert host.nic.mmio_read(register, width) == ones


def test_writes_to_a_removed_card_do_nothing(host: Host, wire: Listener) -> None:
    """Neither doorbell nor mask nor reset reaches it, and none is reported; it stays as it was."""
    host.nic.remove()
    before = repr(host.nic)
    host.send(frame(1))
    host.write(reg.TDT, COUNT)
    host.write(reg.RDT, 3)
    host.write(reg.IMS, reg.CAUSES)
    host.write(reg.ICS, reg.CAUSES)
    host.write(reg.CTRL, reg.CTRL_RST)
    host.nic.power_off()
    host.run(1000)
    assert host.nic.removed
    assert repr(host.nic) == before == "<Nic h.eth0 removed, tx 0/0, rx 0/31>"
    assert host.read(reg.CTRL) == 0xFFFFFFFF
    assert (wire.frames, host.interrupting(), host.findings()) == ([], False, [])


def test_a_removed_card_lets_go_of_its_line_for_good(host: Host) -> None:
    """An asserted line falls with the card, and a hang or a power-off does not bring it back."""
    host.write(reg.IMS, reg.CAUSES)
    host.write(reg.ICS, reg.TXDW)
    assert host.interrupting()
    host.nic.remove()
    host.nic.power_off()
    host.nic.hang()
    host.nic.carrier(up=True)
    host.run(1000)
    assert not host.interrupting()


def test_the_partner_of_a_removed_card_loses_the_carrier(pair: tuple[Host, Host]) -> None:
    """LSC tells its driver; what it sends from then on waits, and mending the cable does not help."""
    a, b = pair
    seen = interrupts(a)
    a.run(100)
    b.nic.remove()
    b.nic.remove()
    a.send(frame(1))
    a.run(1000)
    assert seen == [(100, reg.LSC)]
    assert not carrier(a)
    assert a.nic.end is not None
    assert (a.read(reg.TDH), a.nic.end.frames) == (0, 0)


def test_what_a_removed_card_had_sent_arrives(pair: tuple[Host, Host]) -> None:
    """Frames that were handed to the cable are on their way."""
    a, b = pair
    a.send(*[frame(number) for number in range(10)])
    a.run(3 * PERIOD)
    a.nic.remove()
    a.run(20_000)
    assert b.received() == [frame(number) for number in range(10)]


def test_frames_for_a_removed_card_are_dropped_and_counted(pair: tuple[Host, Host]) -> None:
    """What arrives in time is in memory; what waits for a descriptor or comes later is `removed`; the books balance."""
    a, b = pair
    b.write(reg.RDT, 2)
    a.send(*[frame(number) for number in range(10)])
    a.run(3 * PERIOD + LAST_BIT)
    b.nic.remove()
    a.run(20_000)
    rx = b.nic.rx
    assert b.received() == [frame(0), frame(1)]
    assert rx.dropped == {"disabled": 0, "filtered": 0, "oversize": 0, "missed": 0, "removed": 8}
    assert rx.arrived == rx.delivered + rx.waiting + sum(rx.dropped.values()) == 10


def test_a_removed_card_touches_no_memory(receiver: Host) -> None:
    """Its rings may be freed while frames are on their way to it."""
    receiver.arrive(frame(1), at=100)
    receiver.nic.remove()
    receiver.dma.revoke(receiver.rx_block)
    before = receiver.rx_ring.read(0, COUNT)
    receiver.run(1000)
    assert (receiver.findings(), receiver.rx_ring.read(0, COUNT)) == ([], before)


def test_a_card_without_a_cable_can_be_removed(host: Host) -> None:
    """There is nobody to tell."""
    host.nic.remove()
    assert host.read(reg.STATUS) == 0xFFFFFFFF


def test_a_cable_that_goes_down_stops_both_cards_until_it_is_mended(bench: Bench) -> None:
    """LSC on both sides each time; frames wait in the ring, and leave in order when the carrier is back."""
    a, b = bench.host("a"), bench.host("b")
    cable = bench.cable()
    bench.connect(a, b, cable)
    a.start()
    b.start()
    seen = [interrupts(host) for host in (a, b)]
    a.run(100)
    cable.down()
    a.send(frame(1), frame(2))
    a.run(1000)
    assert (carrier(a), carrier(b), a.read(reg.TDH), b.received()) == (False, False, 0, [])

    cable.up()
    a.run(5000)
    assert (carrier(a), carrier(b), b.received()) == (True, True, [frame(1), frame(2)])
    changes = [[when for when, causes in one if causes & reg.LSC] for one in seen]
    assert changes == [[100, 1000], [100, 1000]]
