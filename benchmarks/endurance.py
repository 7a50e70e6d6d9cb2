"""Resets and removals at full load, a thousand seeds of each; ends with 1 if anything was lost or broken."""

import sys
import time

import click

from ndisemu import Status, run
from ndisemu.bench.endurance import Fault, endure


def row(fault: Fault, seeds: int) -> list[str]:
    """Run the seeds of one fault and print what became of their sends; returns what was wrong."""
    began = time.process_time()
    ends: dict[Status, int] = {}
    wrong: list[str] = []
    for seed in range(seeds):
        outcome = run(endure(seed, fault))
        wrong += [f"{fault.name} seed {seed}: {text}" for text in outcome.wrong]
        for status, count in outcome.ends.items():
            ends[status] = ends.get(status, 0) + count
    sent = ends.pop(Status.SUCCESS, 0)
    rest = ", ".join(f"{count} {status.name}" for status, count in sorted(ends.items())) or "-"
    seconds = time.process_time() - began
    print(f"  {fault.value:<22} {seeds:>6} {sent:>10} {rest:<36} {len(wrong):>5} {seconds:8.1f} s", flush=True)
    return wrong


@click.command
@click.argument("seeds", type=click.IntRange(min=1), default=1000)
def main(seeds: int) -> None:
    """Run so many SEEDS of each fault, by default 1000."""
    print(f"  {'fault':<22} {'seeds':>6} {'sent':>10} {'other ends of sends':<36} {'wrong':>5} {'CPU':>10}")
    wrong = [text for fault in Fault for text in row(fault, seeds)]
    for text in wrong[:20]:
        print(text)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
