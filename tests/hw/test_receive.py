"""Claims about the receive engine: what lands in memory and when, what waits on the card, what is lost and counted."""

import zlib

import pytest

from ndisemu.hw import registers as reg
from tests.hw.conftest import COUNT, RECEIVE, SLOT, Bench, Host, frame, serviced


def status(host: Host, place: int) -> int:
    """Return the status word of a receive descriptor."""
    return host.rx_ring.read_status(place, 1)[0]


def test_a_frame_lands_in_the_next_buffer(receiver: Host) -> None:
    """The descriptor tells its length, that it is whole and done, and that no checksum was computed."""
    receiver.arrive(frame(1, 77), at=10)
    receiver.run(10)
    assert status(receiver, 0) == 77 | reg.RX_DD | reg.RX_EOP | reg.RX_IXSM
    assert receiver.received() == [frame(1, 77)]
    assert (receiver.read(reg.RDH), receiver.read(reg.RDT)) == (1, COUNT - 1)


def test_without_secrc_the_frame_check_sequence_lands_too(receiver: Host) -> None:
    """The four bytes behind the frame are its CRC-32, little endian."""
    receiver.write(reg.RCTL, RECEIVE & ~reg.RCTL_SECRC)
    receiver.arrive(frame(1), frame(2, 1514), at=10)
    receiver.run(10)
    landed = receiver.received()
    assert [data[:-4] for data in landed] == [frame(1), frame(2, 1514)]
    assert [data[-4:] for data in landed] == [zlib.crc32(data[:-4]).to_bytes(4, "little") for data in landed]
    assert zlib.crc32(landed[0]) == 0x2144DF1C


@pytest.mark.parametrize(
    ("bits", "size"), [(1 << 16, 1024), (2 << 16, 512), (3 << 16, 256)], ids=["1024", "512", "256"]
)
@pytest.mark.parametrize("length", [60, 255, 256, 257, 512, 513, 1514])
def test_a_long_frame_takes_several_descriptors(receiver: Host, bits: int, size: int, length: int) -> None:
    """Full buffers come first, the last one has EOP, and the parts joined are the frame."""
    receiver.write(reg.RCTL, RECEIVE | bits)
    receiver.arrive(frame(1, length), frame(2, 60), at=10)
    receiver.run(10)
    used = -(-length // size)
    assert receiver.read(reg.RDH) == used + 1
    words = receiver.rx_ring.read_status(0, used)
    assert all(word & reg.RX_DD for word in words)
    assert [bool(word & reg.RX_EOP) for word in words] == [False] * (used - 1) + [True]
    assert [word & reg.RX_LENGTH for word in words[:-1]] == [size] * (used - 1)
    starts = [receiver.rx_buffers.address + SLOT * place for place in range(used)]
    parts = [
        receiver.memory.map[start : start + (word & reg.RX_LENGTH)] for start, word in zip(starts, words, strict=True)
    ]
    assert b"".join(parts) == frame(1, length)


def test_a_frame_that_fits_no_whole_run_of_descriptors_waits(receiver: Host) -> None:
    """With one descriptor left and two needed, the frame and all behind it wait, and none is cut."""
    receiver.write(reg.RCTL, RECEIVE | 1 << 16)
    receiver.write(reg.RDT, 2)
    receiver.arrive(frame(1), frame(2, 1514), frame(3), at=10, every=1)
    receiver.run(20)
    assert (receiver.read(reg.RDH), receiver.read(reg.RNBC), receiver.nic.rx.waiting) == (1, 2, 2)
    receiver.write(reg.RDT, 4)
    receiver.run(30)
    assert (receiver.read(reg.RDH), receiver.nic.rx.waiting) == (4, 0)


def test_the_ring_wraps(receiver: Host) -> None:
    """Frames land in order for several rounds, as long as software gives descriptors back."""
    for first in range(0, 4 * COUNT, 24):
        frames = [frame(first + place) for place in range(24)]
        receiver.arrive(*frames, at=first + 1)
        receiver.run(first + 1)
        assert receiver.received() == frames
        receiver.write(reg.RDT, (receiver.rx_next - 1) % COUNT)


def test_an_arrival_is_not_visible_before_its_time(receiver: Host) -> None:
    """Of a burst that was handed over early, only what has arrived by now is in memory."""
    receiver.arrive(*[frame(number) for number in range(10)], at=100, every=50)
    for now, landed in ((99, 0), (100, 1), (149, 1), (150, 2), (399, 6), (549, 9), (550, 10)):
        receiver.run(now)
        assert receiver.read(reg.RDH) == receiver.nic.rx.arrived == landed
        assert [bool(word) for word in receiver.rx_ring.read_status(0, 11)] == [True] * landed + [False] * (11 - landed)


@pytest.mark.parametrize("register", [reg.RDH, reg.ICR, reg.STATUS, reg.GPRC])
def test_any_register_read_settles_what_has_arrived(receiver: Host, register: int) -> None:
    """Software that polls sees the frames of a running burst, with its causes masked and no event of theirs due."""
    receiver.arrive(*[frame(number) for number in range(10)], at=100, every=50)
    receiver.run(220)
    assert status(receiver, 0) == 0
    receiver.read(register)
    assert receiver.received() == [frame(0), frame(1), frame(2)]


def test_a_register_write_settles_what_has_arrived(receiver: Host) -> None:
    """What came before receiving was turned off is there; what comes after is not."""
    receiver.arrive(*[frame(number) for number in range(10)], at=100, every=50)
    receiver.run(220)
    receiver.write(reg.RCTL, 0)
    receiver.run(1000)
    assert receiver.received() == [frame(0), frame(1), frame(2)]
    assert receiver.nic.rx.dropped["disabled"] == 7


def test_two_cards_of_one_host_settle_together(bench: Bench) -> None:
    """Before a CPU runs its code, every card of its host is up to date, also when one has just taken its last frame."""
    first = bench.host("a")
    second = bench.host("b", cpu=first.cpu)
    first.start()
    second.start()
    seen: list[tuple[int, list[bytes]]] = []
    first.cpu.queue_thread(lambda: first.cpu.charge(60))
    first.cpu.queue_thread(lambda: seen.append((bench.kernel.now, second.received())))
    first.run(0)
    first.arrive(frame(1), at=60)
    second.arrive(frame(2), frame(3), at=60, every=50)
    first.run(100)
    assert seen == [(60, [frame(2)])]


def test_an_unmasked_cause_interrupts_at_the_first_arrival(receiver: Host) -> None:
    """RXT0 comes when the last bit of the first frame does, not when the burst is over."""
    seen: list[tuple[int, int]] = []
    serviced(receiver, lambda causes: seen.append((receiver.kernel.now, causes)))
    receiver.read(reg.ICR)
    receiver.write(reg.IMS, reg.RXT0)
    receiver.arrive(*[frame(number) for number in range(3)], at=100, every=50)
    receiver.run(1000)
    assert seen == [(100, reg.RXT0), (150, reg.RXT0), (200, reg.RXT0)]


@pytest.mark.parametrize("how", ["IMC", "ITR"])
def test_an_arrival_interrupts_in_time_when_another_register_opened_the_gate(receiver: Host, how: str) -> None:
    """Masking the cause that held the line, or ending a long interval, brings the next arrival's interrupt forward."""
    times: list[int] = []
    receiver.write(reg.ITR, 0xFFFF if how == "ITR" else 0)
    receiver.write(reg.IMS, reg.TXDW | reg.RXT0)
    receiver.write(reg.ICS, reg.TXDW)
    receiver.arrive(*[frame(number) for number in range(3)], at=100, every=50)
    receiver.run(10)
    if how == "IMC":
        receiver.write(reg.IMC, reg.TXDW)
    else:
        receiver.write(reg.ICR, 0x1FFFF)
        receiver.write(reg.ITR, 0)
    serviced(receiver, lambda causes: times.append(receiver.kernel.now) if causes & reg.RXT0 else None)
    receiver.run(1000)
    assert times == [100, 150, 200]


def test_a_card_without_descriptors_keeps_frames_and_counts_them(receiver: Host) -> None:
    """RDH == RDT is an empty ring: frames count in RNBC and wait, and nothing is missed or interrupts."""
    receiver.write(reg.RDT, 0)
    receiver.read(reg.ICR)
    receiver.arrive(*[frame(number) for number in range(5)], at=1, every=1)
    receiver.run(10)
    assert (receiver.read(reg.RNBC), receiver.read(reg.MPC), receiver.nic.rx.waiting) == (5, 0, 5)
    assert receiver.read(reg.ICR) == 0
    assert receiver.received() == []


def test_waiting_frames_land_when_the_tail_moves(receiver: Host) -> None:
    """In order, as far as there are descriptors, and before anything that comes later."""
    receiver.write(reg.RDT, 0)
    receiver.arrive(*[frame(number) for number in range(5)], at=1, every=1)
    receiver.run(10)
    receiver.write(reg.RDT, 3)
    assert receiver.nic.rx.given == 3
    receiver.run(10)
    assert receiver.nic.rx.given == 0
    assert receiver.received() == [frame(0), frame(1), frame(2)]
    receiver.arrive(frame(5), at=20)
    receiver.run(20)
    assert receiver.nic.rx.waiting == 3
    receiver.write(reg.RDT, 20)
    receiver.run(21)
    assert receiver.received() == [frame(3), frame(4), frame(5)]
    assert receiver.read(reg.RNBC) == 6


def test_only_a_full_packet_buffer_misses_frames(receiver: Host) -> None:
    """48 KB hold 32 frames of 1518 bytes with FCS; the next is missed, a small one still fits."""
    receiver.write(reg.RDT, 0)
    receiver.read(reg.ICR)
    receiver.arrive(*[frame(number, 1514) for number in range(34)], frame(99, 60), at=1, every=1)
    receiver.run(50)
    assert (receiver.read(reg.RNBC), receiver.read(reg.MPC), receiver.nic.rx.waiting) == (35, 2, 33)
    assert receiver.nic.rx.dropped["missed"] == 2
    assert receiver.read(reg.ICR) == reg.RXO
    receiver.write(reg.RDT, COUNT - 1)
    receiver.run(60)
    assert receiver.received() == [frame(number, 1514) for number in range(COUNT - 1)]


def test_pba_says_how_much_can_wait(receiver: Host) -> None:
    """A packet buffer of 8 KB holds five such frames."""
    receiver.write(reg.PBA, 8)
    receiver.write(reg.RDT, 0)
    receiver.arrive(*[frame(number, 1514) for number in range(10)], at=1, every=1)
    receiver.run(50)
    assert (receiver.nic.rx.waiting, receiver.read(reg.MPC)) == (5, 5)


@pytest.mark.parametrize(("rctl", "dropped"), [(0, 1), (reg.RCTL_LPE, 0)])
def test_a_frame_over_1522_bytes_needs_lpe(receiver: Host, rctl: int, dropped: int) -> None:
    """With FCS, 1522 bytes always pass; one more is oversize, counts in ROC, and hides no other frame."""
    receiver.write(reg.RCTL, RECEIVE | rctl)
    receiver.arrive(frame(1, 1518), frame(2, 1519), frame(3), at=1)
    receiver.run(10)
    oversize = [] if dropped else [frame(2, 1519)]
    assert receiver.received() == [frame(1, 1518), *oversize, frame(3)]
    assert receiver.read(reg.ROC) == receiver.nic.rx.dropped["oversize"] == dropped


def test_a_disabled_card_drops_and_says_so(host: Host) -> None:
    """Without RCTL.EN nothing is counted but by the emulation itself."""
    host.start(rctl=0)
    host.arrive(frame(1), frame(2), at=1)
    host.run(10)
    assert (host.read(reg.TPR), host.received()) == (0, [])
    assert host.nic.rx.dropped == {"disabled": 2, "filtered": 0, "oversize": 0, "missed": 0, "removed": 0}


def test_a_filtered_frame_takes_no_descriptor(receiver: Host) -> None:
    """Only what the filter wants reaches the ring, and the books say where the rest is."""
    receiver.write(reg.RCTL, reg.RCTL_EN | reg.RCTL_SECRC)
    mine = frame(1, 60, receiver.nic.mac)
    receiver.arrive(frame(0), mine, frame(2), at=1)
    receiver.run(10)
    assert receiver.received() == [mine]
    rx = receiver.nic.rx
    assert (rx.arrived, rx.delivered, rx.dropped["filtered"]) == (3, 1, 2)


@pytest.mark.parametrize(("threshold", "left"), [(0, 16), (1, 8), (2, 4)])
def test_rxdmt0_warns_when_few_descriptors_are_left(receiver: Host, threshold: int, left: int) -> None:
    """RCTL.RDMTS asks for a half, a quarter or an eighth of the ring."""
    receiver.write(reg.RCTL, RECEIVE | threshold << 8)
    receiver.read(reg.ICR)
    for number in range(COUNT - 1):
        receiver.arrive(frame(number), at=number + 1)
        receiver.run(number + 1)
        low = COUNT - 1 - (number + 1) <= left
        assert receiver.read(reg.ICR) == reg.RXT0 | (reg.RXDMT0 if low else 0)


def test_a_card_without_a_ring_keeps_frames(host: Host) -> None:
    """Receiving may be enabled before the ring is there: no descriptors is not an error."""
    host.write(reg.RCTL, RECEIVE)
    host.arrive(frame(1), at=1)
    host.run(1)
    assert (host.nic.rx.given, host.nic.rx.waiting) == (0, 1)
    assert host.findings() == []
