"""Claims about drivers' mistakes: a card told to touch what it may not stops, says so, and harms nobody.

After a master abort only a reset helps; an index beyond the ring is refused where it is written or found when it is
used.
"""

import pytest

from ndisemu.hw import registers as reg
from tests.hw.conftest import COUNT, LAST, RECEIVE, Host, Listener, frame

NOWHERE = 0x3F000
"""A bus address at which nothing is allocated."""


def test_a_bad_buffer_address_stops_sending(host: Host, wire: Listener) -> None:
    """What stands before it is sent, the rest is not; the violation names the card, and only a reset helps."""
    host.load(0, frame(1), LAST)
    host.load(1, frame(2), LAST)
    host.tx_ring.write(2, [NOWHERE, 60 | LAST])
    host.load(3, frame(4), LAST)
    host.write(reg.TDT, 4)
    host.run(1000)

    assert wire.frames == [frame(1), frame(2)]
    assert host.sent()[:4] == [True, True, False, False]
    assert host.read(reg.TDH) == 2
    assert host.findings() == [("dma-unmapped", "h.eth0")]
    assert "h.eth0 tried to read 60 bytes at 0x3f000, which is free memory" in host.kernel.findings[0].text
    assert host.nic.stopped == host.kernel.findings[0].text

    host.send(frame(5))
    host.run(2000)
    assert len(wire.frames) == 2

    host.write(reg.CTRL, reg.CTRL_RST)
    host.start()
    host.tx_next = 0
    host.send(frame(6))
    host.run(3000)
    assert wire.frames[2:] == [frame(6)]
    assert host.nic.stopped == ""
    assert len(host.findings()) == 1


def test_a_transmit_ring_the_card_may_not_touch_stops_it(host: Host, wire: Listener) -> None:
    """A ring whose memory was taken away is found at the next doorbell."""
    host.send(frame(1))
    host.run(1000)
    host.dma.revoke(host.tx_block)
    host.send(frame(2))
    host.run(2000)
    assert wire.frames == [frame(1)]
    assert host.findings() == [("dma-unmapped", "h.eth0")]


@pytest.mark.parametrize("tail", [COUNT, COUNT + 1, 0xFFFF, 0xFFFFFFFF])
def test_a_transmit_tail_beyond_the_ring_is_refused(host: Host, wire: Listener, tail: int) -> None:
    """The write is ignored and reported; the card goes on."""
    host.write(reg.TDT, tail)
    assert host.read(reg.TDT) == 0
    assert host.findings() == [("ring-index", "h.eth0")]
    assert host.kernel.findings[0].text == f"TDT was set to {tail} in a ring of 32; the write was ignored"
    host.send(frame(1))
    host.run(1000)
    assert wire.frames == [frame(1)]


def test_a_transmit_head_beyond_the_ring_stops_the_card(host: Host, wire: Listener) -> None:
    """The card does not run over what lies behind the ring."""
    host.write(reg.TDH, COUNT)
    host.send(frame(1))
    host.run(1000)
    assert wire.frames == []
    assert host.findings() == [("ring-index", "h.eth0")]
    assert host.nic.stopped == "TDH is 32 and TDT 1 in a ring of 32; both must lie in it"


def test_a_transmit_ring_that_shrinks_under_its_tail_stops_the_card(host: Host, wire: Listener) -> None:
    """A tail that was right for the longer ring is found when the ring is used."""
    host.write(reg.TCTL, 0)
    host.write(reg.TDT, 20)
    host.write(reg.TDLEN, 16 * 8)
    host.write(reg.TCTL, reg.TCTL_EN)
    host.run(1000)
    assert wire.frames == []
    assert host.findings() == [("ring-index", "h.eth0")]


def test_a_bad_buffer_address_stops_receiving(receiver: Host) -> None:
    """Frames before it land, the rest is lost; the violation names the card, and arrivals do not keep it busy."""
    receiver.rx_ring.write(2, [NOWHERE, 0])
    receiver.arrive(*[frame(number) for number in range(5)], at=1)
    receiver.arrive(frame(5), frame(6), at=100, every=10)
    receiver.run(1000)

    assert receiver.received() == [frame(0), frame(1)]
    assert (receiver.read(reg.RDH), receiver.rx_ring.read_status(2, 1)[0]) == (2, 0)
    assert receiver.findings() == [("dma-unmapped", "h.eth0")]
    assert "h.eth0 tried to write 60 bytes at 0x3f000, which is free memory" in receiver.kernel.findings[0].text
    rx = receiver.nic.rx
    assert (rx.arrived, rx.delivered, rx.dropped["disabled"]) == (7, 2, 5)

    receiver.write(reg.CTRL, reg.CTRL_RST)
    receiver.start()
    receiver.rx_next = 0
    receiver.arrive(frame(7), at=1001)
    receiver.run(1001)
    assert receiver.received() == [frame(7)]


def test_a_bad_address_among_cut_frames_loses_no_earlier_one(receiver: Host) -> None:
    """The same with frames over several descriptors: each is in the ring once, or not at all."""
    receiver.write(reg.RCTL, RECEIVE | 1 << 16)
    receiver.rx_ring.write(3, [NOWHERE, 0])
    receiver.arrive(*[frame(number, 1514) for number in range(4)], at=1)
    receiver.run(10)
    assert receiver.read(reg.RDH) == 2
    assert [bool(word & reg.RX_DD) for word in receiver.rx_ring.read_status(0, 5)] == [True, True, False, False, False]
    assert receiver.nic.rx.dropped["disabled"] == 3


def test_a_receive_ring_whose_memory_was_taken_away_stops_the_card(receiver: Host) -> None:
    """The ring is checked each time: nothing is written back where the card may not write any more."""
    receiver.arrive(frame(1), at=1)
    receiver.run(1)
    before = receiver.rx_ring.read(0, COUNT)
    receiver.dma.revoke(receiver.rx_block)
    receiver.arrive(frame(2), at=2)
    receiver.run(2)
    assert receiver.findings() == [("dma-unmapped", "h.eth0")]
    assert receiver.rx_ring.read(0, COUNT) == before


def test_a_receive_head_beyond_the_ring_stops_the_card(receiver: Host) -> None:
    """The card does not run over what lies behind the ring."""
    receiver.write(reg.RDH, COUNT)
    receiver.arrive(frame(1), at=1)
    receiver.run(1)
    assert receiver.findings() == [("ring-index", "h.eth0")]
    assert receiver.nic.stopped == "RDH is 32 and RDT 31 in a ring of 32; both must lie in it"


@pytest.mark.parametrize("tail", [COUNT, 0xFFFF])
def test_a_receive_tail_beyond_the_ring_is_refused(receiver: Host, tail: int) -> None:
    """The write is ignored and reported."""
    receiver.write(reg.RDT, tail)
    assert receiver.read(reg.RDT) == COUNT - 1
    assert receiver.findings() == [("ring-index", "h.eth0")]
    assert receiver.kernel.findings[0].text == f"RDT was set to {tail} in a ring of 32; the write was ignored"
