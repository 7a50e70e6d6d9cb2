"""Where the CPU time of a frame goes, layer by layer: samples of the whole path while it works.

A timer of the process's own CPU time looks at the stack, and the sample is
counted for the innermost function of `ndisemu`: what that calls in C, or in
the standard library, is its work. Unlike a profiler this slows no call down.
A sample is taken between two instructions, so what C does is counted where
it has returned to.

Not here: what each function takes; `py-spy record` shows that.
"""

import json
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Final

import click
from rich.console import Console

import ndisemu
from ndisemu.bench import Column, Load, Section, send_through
from ndisemu.bench.presentation.table import show_section
from ndisemu.bench.section import Value

ROOT: Final = Path(ndisemu.__file__).parent
# Seconds of CPU time between samples; a system may make it longer.
EVERY: Final = 0.001
SIZE: Final = 64
OTHER: Final = "other"
# The first that a file's path begins with is its layer.
LAYERS: Final[Mapping[str, str]] = {
    "drivers/protocols": "protocols: sources, stations, books of flows",
    "ndis": "NDIS: packets, ownership, filters, statistics",
    "drivers": "driver: rings, reaping, refilling",
    "hw": "card: registers, engines, causes, statistics",
    "link": "link",
    "memory": "memory: DMA, descriptors, buffers",
    "frame": "frame: sizes and addresses of bursts",
    "kernel": "kernel: DPCs, interrupts, coroutines, locks",
    "": OTHER,
}
LOADS: Final = (
    Load(SIZE, 64, 1_000_000),
    Load(SIZE, 64, 1_000_000, driver="ring6"),
    Load(SIZE, 1, 300_000),
    Load(SIZE, 1, 300_000, driver="ring6"),
)
"""What is looked at: both generations, in bursts and one by one."""
WARM_UP: Final = 10_000


def layer_of(frame: FrameType | None) -> str:
    """Return the layer of the innermost function of ndisemu on this stack."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT):
            inside = path.relative_to(ROOT).as_posix()
            return next(layer for start, layer in LAYERS.items() if inside.startswith(start))
        frame = frame.f_back
    return OTHER


def sample(load: Load) -> tuple[int, Counter[str]]:
    """Send `load` and look where it is; returns the CPU nanoseconds of a frame, and the samples of each layer."""
    found: Counter[str] = Counter()

    def look(_number: int, frame: FrameType | None) -> None:
        found[layer_of(frame)] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        passage = send_through(load)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return passage.cpu_ns // load.frames, found


def section(loads: Sequence[Load] = LOADS) -> Section:
    """Sample each of the loads, and put their layers beside each other, in ns of CPU time per frame."""
    names = [f"{load.driver}, burst {load.burst}" for load in loads]
    costs: dict[str, dict[str, float]] = {}
    samples = 0
    for name, load in zip(names, loads, strict=True):
        send_through(Load(load.size, load.burst, min(WARM_UP, load.frames), driver=load.driver))
        cost, found = sample(load)
        total = max(found.total(), 1)
        samples += found.total()
        costs[name] = {layer: cost * found[layer] / total for layer in LAYERS.values()} | {"all": cost}
    rows: list[Mapping[str, Value]] = [
        {"layer": layer, **{name: round(costs[name][layer]) for name in names}} for layer in (*LAYERS.values(), "all")
    ]
    return Section(
        name="layers",
        title=f"CPU time of a frame of {SIZE} bytes by layer",
        columns=(Column("layer", "ns/frame"), *(Column(name, name, ",d") for name in names)),
        rows=tuple(rows),
        notes=(
            f"{samples} samples, each counted for the innermost function of ndisemu; what that calls elsewhere is its work",
        ),
    )


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of a table.")
def main(as_json: bool) -> None:  # noqa: FBT001  click passes options by name
    """Say where the CPU time of a frame goes."""
    found = section()
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        show_section(found, Console(highlight=False))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.layers")
