"""What a figure was measured on, in words, taken from the runs themselves.

A rate says nothing without them, so they are the notes of every section that has one.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.bench.measure import Figure
from ndisemu.bench.options import IN_LISTS, Build
from ndisemu.bench.passage import Rig
from ndisemu.units import format_count, format_rate, format_time

BUILD: Final[dict[Build, str]] = {
    "free": "Build free: nobody watches, every probe hook is None",
    "checked": "Build checked: the event hook is attached, and the verifier watches with all rules but those of single fields",
}


def conditions(figures: Sequence[Figure], path: str) -> tuple[str, ...]:
    """Return one sentence for each condition of `figures`, which were measured together; `path` is where frames went."""
    return (
        *dict.fromkeys(describe(figure.rig) for figure in figures),
        "Size: bytes given to NDIS, FCS not counted; burst: frames per send, each a packet or a list of its own"
        + (f", in {IN_LISTS} all in one list" if IN_LISTS in {figure.load.driver for figure in figures} else ""),
        path,
        _compared(figures),
        timing(len(figures[0].passages), f"{format_count(figures[0].load.frames)} frames"),
        "Event: an item that the kernel ran, such as an ISR, a DPC or a doorbell, however many frames it was for",
        *dict.fromkeys(BUILD[figure.load.build] for figure in figures),
    )


def describe(rig: Rig) -> str:
    """Say what a rig consists of."""
    cable = "unpaced cable" if rig.rate is None else f"cable of {format_rate(rig.rate)}"
    if rig.delay:
        cable += f" with a delay of {format_time(rig.delay)}"
    rings = f"{rig.tx_ring}" if rig.tx_ring == rig.rx_ring else f"{rig.tx_ring} (TX) and {rig.rx_ring} (RX)"
    flying = "" if rig.window is None else f", {_counted(rig.window, 'frame')} in flight"
    return (
        f"{_counted(rig.hosts, 'host')} in one process with {_counted(rig.cpus, 'virtual CPU')}, {cable}, "
        f"rings of {rings}{flying}"
    )


def timing(runs: int, each: str) -> str:
    """Say how runs of so much were timed."""
    return (
        f"CPU time of the process, user and system; per figure {_counted(runs, 'run')} of {each} after a warm-up, in "
        "turn with the other figures, every other round backwards, garbage collected before each run. Figure: the "
        "median; spread: (highest - lowest) / median; a share: the median over pairs of runs"
    )


def drivers_named(names: Sequence[str]) -> str:
    """List drivers by name, each once."""
    *others, last = dict.fromkeys(names)
    return f"{', '.join(others)} or {last}" if others else last


def _compared(figures: Sequence[Figure]) -> str:
    compared = sum(passage.compared for figure in figures for passage in figure.passages)
    return f"Every frame is compared byte for byte on arrival: {format_count(compared)} were, and all were equal"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
