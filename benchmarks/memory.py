"""Memory does not grow with the number of frames: the peaks of a short and a long run, each in its own process."""

import subprocess
import sys
from typing import Final

import click

from ndisemu.units import format_count

FEW: Final = 10_000
MANY: Final = 1_000_000
LIMIT: Final = 10_000_000
# The largest frames in the largest bursts: what is kept by mistake would show soonest.
SIZE: Final = 1500
BURST: Final = 64
PROGRAM: Final = (
    "import sys; from ndisemu.bench.memory import peak_after; from ndisemu.bench import Load; "
    "size, burst, frames = map(int, sys.argv[1:]); print(peak_after(Load(size, burst, frames)))"
)


def peak_of(frames: int) -> int:
    """Return the peak resident memory in bytes of a process that sends `frames` frames and ends."""
    command = [sys.executable, "-c", PROGRAM, str(SIZE), str(BURST), str(frames)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)


@click.command
@click.argument("frames", nargs=2, type=click.IntRange(min=1), default=(FEW, MANY))
def main(frames: tuple[int, int]) -> None:
    """Compare the peaks of two runs of so many FRAMES each, by default 10 000 and 1 000 000."""
    print(f"Peak resident memory of one process, frames of {SIZE} bytes in bursts of {BURST}, every frame compared")
    peaks = [peak_of(count) for count in frames]
    for count, peak in zip(frames, peaks, strict=True):
        print(f"  {format_count(count):>12} frames {peak / 1e6:8.1f} MB")
    growth = peaks[1] - peaks[0]
    verdict = "within" if growth <= LIMIT else "ABOVE"
    print(f"  {'growth':>12} {growth / 1e6:15.1f} MB, {verdict} the limit of {LIMIT // 1_000_000} MB")


if __name__ == "__main__":
    main()
