"""Claims about the transmit engine: what goes to the wire and when, what is written back, and what stops it."""

import pytest

from ndisemu.hw import registers as reg
from tests.hw.conftest import COUNT, LAST, LAST_BIT, PERIOD, SLOT, Bench, Host, Listener, frame

# What a frame of 1514 bytes takes at 1 Gbit/s: to its last bit, and with the gap behind it.
LONG_BIT, LONG_PERIOD = 12_208, 12_304


def test_a_frame_leaves_when_the_doorbell_rings(host: Host, wire: Listener) -> None:
    """One descriptor is one frame, on the wire at once and at the other end after its last bit."""
    host.run(1000)
    host.send(frame(1))
    host.run(2000)
    assert (wire.frames, wire.times) == ([frame(1)], [1000 + LAST_BIT])
    assert host.read(reg.TDH) == host.read(reg.TDT) == 1


def test_nothing_leaves_before_the_doorbell(host: Host, wire: Listener) -> None:
    """Descriptors beyond TDT are software's."""
    host.load(0, frame(1), LAST)
    host.run(1000)
    assert wire.frames == []
    assert not any(host.sent())


def test_a_frame_may_lie_in_several_buffers(host: Host, wire: Listener) -> None:
    """Parts up to EOP are one frame, also between frames of one part each."""
    whole = frame(2, 200)
    host.load(0, frame(1), LAST)
    host.load(1, whole[:1], 0)
    host.load(2, whole[1:150], 0)
    host.load(3, whole[150:], LAST)
    host.load(4, frame(3), LAST)
    host.write(reg.TDT, 5)
    host.run(10_000)
    assert wire.frames == [frame(1), whole, frame(3)]


def test_a_frame_may_come_with_several_doorbells(host: Host, wire: Listener) -> None:
    """A frame is sent when its last part is handed over, not before."""
    host.load(0, frame(1)[:20], 0)
    host.write(reg.TDT, 1)
    host.run(100)
    assert (wire.frames, host.read(reg.TDH)) == ([], 1)
    host.load(1, frame(1)[20:], LAST)
    host.write(reg.TDT, 2)
    host.run(1000)
    assert (wire.frames, wire.times) == ([frame(1)], [100 + LAST_BIT])


def test_the_ring_wraps(host: Host, wire: Listener) -> None:
    """A run of descriptors goes on at the start of the ring, for several rounds."""
    frames = [frame(number) for number in range(4 * COUNT)]
    for first in range(0, len(frames), 24):
        host.send(*frames[first : first + 24])
        host.run((first + 24) * PERIOD)
    assert wire.frames == frames
    assert wire.times == [number * PERIOD + LAST_BIT for number in range(len(frames))]


@pytest.mark.parametrize(("first", "sizes"), [(0, 1), (0, 4), (COUNT - 4, 1), (COUNT - 4, 4)])
@pytest.mark.parametrize("asking", [(1, 4, 7), (8,), (), tuple(range(9))], ids=str)
def test_done_is_reported_only_where_it_was_asked_for(
    host: Host, wire: Listener, asking: tuple[int, ...], first: int, sizes: int
) -> None:
    """DD is set in the descriptors with RS, of frames of one or several sizes, and nothing else of any changes."""
    host.send(*[frame(0)] * first, command=reg.TX_EOP)
    host.run(100_000)
    for place in range(9):
        command = LAST if place in asking else reg.TX_EOP
        host.load(first + place, frame(place, 60 + 100 * (place % sizes)), command)
    before = host.tx_ring.read(0, COUNT).tolist()
    host.write(reg.TDT, (first + 9) % COUNT)
    host.run(200_000)
    assert len(wire.frames) == first + 9
    assert [place for place, done in enumerate(host.sent()) if done] == sorted(
        (first + place) % COUNT for place in asking
    )
    assert [word & ~reg.TX_DD for word in host.tx_ring.read(0, COUNT)] == before


@pytest.mark.parametrize(
    ("command", "causes"), [(LAST, reg.TXDW | reg.TXQE | reg.LSC), (reg.TX_EOP, reg.TXQE | reg.LSC)]
)
def test_causes_tell_of_write_back_and_of_an_empty_ring(host: Host, wire: Listener, command: int, causes: int) -> None:
    """TXDW comes with a write-back, TXQE when the ring is empty; the link's own cause is there from the start."""
    host.send(frame(1), frame(2), command=command)
    host.run(5000)
    assert len(wire.frames) == 2
    assert host.read(reg.ICR) == causes


def test_a_short_frame_is_padded_with_zeros(host: Host, wire: Listener) -> None:
    """Nothing that lay behind it in memory leaks."""
    address = host.load(0, b"\xaa" * 100, 0)
    host.tx_ring.write(0, [address, 42 | LAST])
    host.load(1, frame(1, 60), LAST)
    host.load(2, frame(2, 61), LAST)
    host.write(reg.TDT, 3)
    host.run(5000)
    assert wire.frames == [b"\xaa" * 42 + bytes(18), frame(1, 60), frame(2, 61)]


def test_without_psp_a_short_frame_stays_short(host: Host, wire: Listener) -> None:
    """TCTL.PSP asks for padding."""
    host.write(reg.TCTL, reg.TCTL_EN)
    host.send(frame(1, 42))
    host.run(5000)
    assert wire.frames == [frame(1, 42)]


@pytest.mark.parametrize("pad", [0, reg.TCTL_PSP])
def test_a_descriptor_without_data_sends_nothing(host: Host, wire: Listener, pad: int) -> None:
    """A null descriptor is written back as any other, and no frame leaves for it (3.3.3)."""
    host.write(reg.TCTL, reg.TCTL_EN | pad)
    host.send(frame(1), b"", frame(2))
    host.run(5000)
    host.send(b"")
    host.run(6000)
    assert wire.frames == [frame(1), frame(2)]
    assert host.sent()[:4] == [True] * 4


def test_a_disabled_engine_waits(host: Host, wire: Listener) -> None:
    """Without TCTL.EN doorbells are remembered; enabling sends what waits."""
    host.write(reg.TCTL, reg.TCTL_PSP)
    host.send(frame(1), frame(2))
    host.run(1000)
    assert (wire.frames, host.read(reg.TDH)) == ([], 0)
    host.write(reg.TCTL, reg.TCTL_PSP | reg.TCTL_EN)
    host.run(5000)
    assert wire.times == [1000 + LAST_BIT, 1000 + PERIOD + LAST_BIT]


def test_a_card_without_a_link_waits(bench: Bench, host: Host) -> None:
    """Sends stay in the ring until the cable is plugged in."""
    host.start()
    host.send(frame(1))
    host.run(1000)
    assert host.read(reg.TDH) == 0
    listener = bench.listen(host, bench.cable())
    host.run(5000)
    assert (listener.frames, listener.times) == ([frame(1)], [1000 + LAST_BIT])


def test_a_frame_is_frozen_when_it_is_fetched(host: Host, wire: Listener) -> None:
    """With DD set the buffer is software's again: what it writes there does not reach the wire."""
    address = host.load(0, frame(1), LAST)
    host.write(reg.TDT, 1)
    host.run(0)
    assert host.sent()[0]
    host.memory.poison(address, SLOT)
    host.run(5000)
    assert wire.frames == [frame(1)]


def long_run(host: Host) -> list[bytes]:
    """Hand over a whole ring of the longest frames, each with RS."""
    frames = [frame(number, 1514) for number in range(COUNT - 1)]
    host.send(*frames)
    return frames


def test_long_frames_follow_each_other_without_a_pause(host: Host, wire: Listener) -> None:
    """However the FIFO is filled, on the wire one frame follows the other at the cable's rate."""
    frames = long_run(host)
    host.run(COUNT * LONG_PERIOD)
    assert wire.frames == frames
    assert wire.times == [number * LONG_PERIOD + LONG_BIT for number in range(len(frames))]


def test_a_full_fifo_holds_up_what_does_not_fit(host: Host, wire: Listener) -> None:
    """16 KB are ten such frames: they are done at once, the next ten when these have left, and so on."""
    long_run(host)
    for done in (10, 20, 30):
        host.run(host.kernel.now)
        assert sum(host.sent()) == host.read(reg.TDH) == done
        host.run(done * LONG_PERIOD - 96 - 1)
        assert sum(host.sent()) == done
        assert not host.read(reg.ICR) & reg.TXQE
        host.run(host.kernel.now + 1)
    assert sum(host.sent()) == COUNT - 1
    assert host.read(reg.ICR) & reg.TXQE
    host.run(COUNT * LONG_PERIOD)
    assert len(wire.frames) == COUNT - 1


def test_a_fifo_of_many_runs_is_filled_again_at_half(host: Host, wire: Listener) -> None:
    """Frames handed over one by one leave room one by one; the engine goes on when half of them are out."""
    for number in range(12):
        host.send(frame(number, 1514))
        host.run(number)
    assert sum(host.sent()) == 10
    host.run(5 * LONG_PERIOD - 97)
    assert sum(host.sent()) == 10
    host.run(5 * LONG_PERIOD - 96)
    assert sum(host.sent()) == 12
    host.run(12 * LONG_PERIOD)
    assert wire.times == [number * LONG_PERIOD + LONG_BIT for number in range(12)]


def test_an_unpaced_wire_never_fills_the_fifo(bench: Bench, host: Host) -> None:
    """Without a rate the whole ring goes at once."""
    listener = bench.listen(host, bench.cable(rate=None))
    host.start()
    frames = long_run(host)
    host.run(0)
    assert listener.frames == frames
    assert sum(host.sent()) == COUNT - 1


def test_a_frame_longer_than_the_fifo_is_sent(bench: Bench, host: Host) -> None:
    """One descriptor always fits an empty FIFO, so that a giant gets through part by part."""
    listener = bench.listen(host, bench.cable(mtu=20_000))
    host.start()
    for place in range(9):
        host.load(place, bytes([place]) * SLOT, LAST if place == 8 else reg.TX_RS)
    host.write(reg.TDT, 9)
    host.run(1_000_000)
    assert [len(giant) for giant in listener.frames] == [9 * SLOT]
    assert sum(host.sent()) == 9


def test_what_is_not_modelled_is_sent_as_it_is_and_counted(host: Host, wire: Listener) -> None:
    """A descriptor that asks for an offload leaves a trace."""
    host.send(frame(1), command=LAST | reg.TX_IC)
    host.send(frame(2), frame(3))
    host.run(5000)
    assert wire.frames == [frame(1), frame(2), frame(3)]
    assert host.nic.tx.unsupported == 1
