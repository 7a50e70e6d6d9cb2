"""What a figure was measured on, in words, taken from the runs themselves.

A rate says nothing without them, so whoever prints one prints these.
"""

import platform
from collections.abc import Sequence

from ndisemu.bench.measure import Figure
from ndisemu.units import format_count, format_rate, format_time


def conditions(figures: Sequence[Figure]) -> list[str]:
    """Return one sentence for each condition of `figures`, which were measured together."""
    return [
        *dict.fromkeys(_rig(figure) for figure in figures),
        "Size: bytes given to NDIS, FCS not counted; burst: packets (or lists of one frame) per send",
        _path(figures),
        _compared(figures),
        _timed(figures[0]),
        "Figure: the median; spread: (highest - lowest) / median; a share: the median over pairs of runs",
        "Garbage is collected before each run, and the collector stays on",
        *dict.fromkeys(_build(figure) for figure in figures),
        _machine(figures[0]),
    ]


def _rig(figure: Figure) -> str:
    rig = figure.rig
    cable = "unpaced cable" if rig.rate is None else f"cable of {format_rate(rig.rate)}"
    if rig.delay:
        cable += f" with a delay of {format_time(rig.delay)}"
    rings = f"{rig.tx_ring}" if rig.tx_ring == rig.rx_ring else f"{rig.tx_ring} (TX) and {rig.rx_ring} (RX)"
    return (
        f"{_counted(rig.hosts, 'host')} in one process with {_counted(rig.cpus, 'virtual CPU')} together, {cable}, "
        f"rings of {rings}, {_counted(rig.window, 'packet')} in flight"
    )


def _path(figures: Sequence[Figure]) -> str:
    *others, last = dict.fromkeys(f"`{figure.load.driver}`" for figure in figures)
    drivers = f"{', '.join(others)} or {last}" if others else last
    return (
        f"Path: the {drivers} miniport on the 82540EM, whole, with the filters and statistics of card and "
        "NDIS, from submission to indication, return and send completion"
    )


def _compared(figures: Sequence[Figure]) -> str:
    compared = sum(passage.compared for figure in figures for passage in figure.passages)
    return f"Every frame is compared byte for byte on arrival: {format_count(compared)} were, and all were equal"


def _timed(figure: Figure) -> str:
    runs = f"{_counted(len(figure.passages), 'run')} of {format_count(figure.load.frames)} frames"
    return (
        f"CPU time of the process, user and system; per figure {runs} after a warm-up, "
        "in turn with the other figures, every other round backwards"
    )


def _build(figure: Figure) -> str:
    if figure.load.build == "free":
        return "Build free: nobody watches, every probe hook is None"
    return "Build checked: the probe's event hook is attached and counts what it is told; no rules run"


def _machine(figure: Figure) -> str:
    return (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}; "
        f"calibration: {figure.calibration / 1e6:.1f} M steps of a fixed loop per CPU second"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
