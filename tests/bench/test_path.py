"""One passage over the whole path."""

from collections.abc import Sequence

import pytest

from ndisemu.bench import BUILDS, DRIVERS, WINDOW, Build, Driver, Load, passage, path, send_through
from ndisemu.drivers.protocols import Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import InternalError
from ndisemu.hw import registers as reg
from ndisemu.ndis import Packet, v5
from tests.bench.conftest import emulations_of


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("size", "burst", "frames"),
    [(64, 1, 10), (64, 8, 300), (1500, 8, 1000), (1500, 64, 200), (18, 128, 500), (1514, 3, 1)],
)
def test_every_frame_is_compared(size: int, burst: int, frames: int, driver: Driver, build: Build) -> None:
    """Whatever the load, as many frames are found equal on arrival as were sent."""
    found = send_through(Load(size, burst, frames, build, driver))
    assert found.compared == frames
    assert found.cpu_ns > 0


@pytest.mark.parametrize("wanted", [1, 20, 400])
def test_the_cards_carry_and_count_every_frame(monkeypatch: pytest.MonkeyPatch, wanted: int) -> None:
    """The frames go over both cards: one counts them as sent, the other as received."""
    entered = emulations_of(path, monkeypatch)
    send_through(Load(64, 8, wanted))
    near, far = (host.slots["eth0"].nic.statistics.total for host in entered[0].hosts.values())
    assert (near[reg.GPTC], far[reg.GPRC]) == (wanted, wanted)


@pytest.mark.parametrize(("driver", "lists"), [("ring6", 200), ("ring6-lists", 25)])
def test_a_burst_is_in_one_list_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, driver: Driver, lists: int
) -> None:
    """The same miniport is given as many lists as frames, or as bursts."""
    entered = emulations_of(path, monkeypatch)
    assert send_through(Load(64, 8, 200, driver=driver)).compared == 200
    assert entered[0].hosts["a"].slots["eth0"].adapter.sends.completed == lists


def test_a_free_build_has_no_watcher_and_a_checked_one_has() -> None:
    """Events are told only in the checked build, at least a send, a completion and an indication."""
    free, checked = (send_through(Load(64, 8, 64, build)) for build in BUILDS)
    assert free.told == 0
    assert checked.told >= 3


def test_the_rig_is_what_was_found() -> None:
    """The rings are those the drivers gave their cards, the window what the sender has packets for."""
    rig = send_through(Load(64, 1, 1)).rig
    assert (rig.hosts, rig.rate, rig.delay, rig.tx_ring, rig.rx_ring, rig.window) == (2, None, 0, 256, 384, WINDOW)


def test_the_rig_notices_other_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """With other rings than usual the rig says so."""
    monkeypatch.setattr(path, "RING", 64)
    monkeypatch.setattr(path, "RX_RING", 128)
    rig = send_through(Load(64, 1, 1)).rig
    assert (rig.tx_ring, rig.rx_ring) == (64, 128)


class Losing(Station):
    """A station that overlooks a frame."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        return super().receive_packets(binding, packets[1:])


class Altering(Station):
    """A station that flips a bit before it looks."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        buffer = packets[-1].head
        assert buffer is not None
        buffer.memory[buffer.address + 40] ^= 1
        return super().receive_packets(binding, packets)


class Swapping(Station):
    """A station that takes a burst from the wrong end."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        return super().receive_packets(binding, packets[::-1])


@pytest.mark.parametrize(
    ("station", "finding"), [(Losing, "1 lost"), (Altering, "1 altered"), (Swapping, "[1-9] late")]
)
def test_a_passage_that_was_not_perfect_has_no_figure(
    monkeypatch: pytest.MonkeyPatch, station: type[Station], finding: str
) -> None:
    """A frame that is lost, altered or late is an error and not a slower figure."""
    monkeypatch.setitem(passage.REFERENCE, "ring", (RingMiniport, station))
    with pytest.raises(InternalError, match=finding):
        send_through(Load(64, 8, 8))


def test_a_broken_rule_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that raises while all frames arrive still spoils the figure, and the error says what it did."""

    class Raising(RingMiniport):
        def return_packets(self, packets: Sequence[Packet]) -> None:
            raise ValueError("no more of these")

    monkeypatch.setitem(passage.REFERENCE, "ring", (Raising, Station))
    with pytest.raises(InternalError, match="no more of these"):
        send_through(Load(64, 8, 8))
