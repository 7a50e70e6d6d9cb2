"""Mode `receive`: frames from a bare end of a cable into one host."""

from collections.abc import Sequence

import pytest

from ndisemu.bench import BUILDS, Build, Driver, Load, Options, passage, receive as mode
from ndisemu.bench.options import DRIVERS
from ndisemu.bench.receive import receive, receive_from_wire
from ndisemu.drivers.protocols import Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import InternalError
from ndisemu.hw import registers as reg
from ndisemu.ndis import Packet, v5
from tests.bench.conftest import emulations_of


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(("size", "burst", "frames"), [(64, 1, 10), (1500, 64, 200), (18, 128, 500), (1514, 3, 1)])
def test_every_frame_is_compared(size: int, burst: int, frames: int, driver: Driver, build: Build) -> None:
    """Whatever the load, as many frames are found equal on arrival as were put on the wire."""
    found = receive_from_wire(Load(size, burst, frames, build, driver))
    assert found.compared == frames
    assert (found.told > 0) == (build == "checked")


def test_one_host_receives_and_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no second host, and the one card counts receptions only; each burst has its own interrupt."""
    entered = emulations_of(mode, monkeypatch)
    found = receive_from_wire(Load(64, 8, 80))
    (host,) = entered[0].hosts.values()
    nic = host.slots["eth0"].nic
    assert (nic.statistics.total[reg.GPRC], nic.statistics.total[reg.GPTC]) == (80, 0)
    assert nic.causes.assertions >= 10
    assert (found.rig.hosts, found.rig.cpus, found.rig.rate, found.rig.window) == (1, 1, None, None)


def test_a_frame_that_is_overlooked_spoils_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passage that was not perfect has no figure."""

    class Losing(Station):
        def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
            return super().receive_packets(binding, packets[1:])

    monkeypatch.setitem(passage.REFERENCE, "ring", (RingMiniport, Losing))
    with pytest.raises(InternalError, match="1 lost"):
        receive_from_wire(Load(64, 8, 8))


def test_the_section_says_what_was_paid_for() -> None:
    """Rows as those of `send`, and the path in words."""
    found = receive(Options(sizes=(64,), bursts=(1, 8), drivers=("legacy",), runs=1, frames=20))
    assert (found.name, len(found.rows), len(found.charts), found.targets) == ("receive", 2, 1, ())
    assert any("bare end of the cable" in note for note in found.notes)
