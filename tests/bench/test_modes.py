"""The table of modes, and what makes a document of them."""

import pytest

from ndisemu.bench import Options, Section, modes
from ndisemu.bench.echo import echo
from ndisemu.bench.footprint import footprint
from ndisemu.bench.modes import MODES, Mode, perform
from ndisemu.bench.receive import receive
from tests.bench.conftest import section

# Modes whose runs are what they are, whatever is asked for; their own tests run less.
FIXED = ("duplex", "multipacket", "moderation", "idle")
SHORT = [name for name in MODES if name not in FIXED]
QUICK = Options(sizes=(64,), bursts=(8,), drivers=("ring",), runs=1, frames=20)


@pytest.mark.parametrize("name", SHORT)
def test_a_mode_returns_the_section_of_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its columns are in its rows, it says what it measured, it counts its runs, and it prints nothing."""
    told: list[tuple[str, int, int]] = []
    document = perform([name], QUICK, lambda *progress: told.append(progress))
    (found,) = document.sections
    assert found.name == name
    assert found.rows
    assert found.notes
    assert all(column.key in row for column in found.columns for row in found.rows)
    assert {mode for mode, _, _ in told} == {name}
    assert told[-1][1] == told[-1][2] == len(told)
    assert capsys.readouterr() == ("", "")


def test_modes_run_in_the_order_asked_for_between_calibrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """The document's calibration is the median of the loops before, between and after."""
    ran: list[str] = []

    def pretend(name: str) -> Section:
        ran.append(name)
        return section(1, name=name)

    loops = iter([30, 10, 20])

    def loop() -> int:
        ran.append("calibrate")
        return next(loops)

    monkeypatch.setattr(modes, "MODES", {name: lambda _, name=name: pretend(name) for name in "ab"})
    monkeypatch.setattr(modes, "calibrate", loop)
    document = perform("ba", QUICK, lambda *_: None)
    assert ran == ["calibrate", "b", "calibrate", "a", "calibrate"]
    assert ([found.name for found in document.sections], document.calibration) == (["b", "a"], 20)


@pytest.mark.parametrize("mode", [receive, echo, footprint])
def test_where_bursts_are_not_sent_by_a_miniport_each_is_measured_once(mode: Mode) -> None:
    """`ring6` and `ring6-lists` are the same there."""
    found = mode(Options(sizes=(64,), bursts=(8,), drivers=("ring6-lists", "ring", "ring6"), runs=1, frames=16))
    assert list(dict.fromkeys(row["driver"] for row in found.rows)) == ["ring6", "ring"]
