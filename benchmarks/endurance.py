"""Faults at full load, a thousand seeds of each on each driver; ends with 1 if anything was lost or broken."""

import sys
import time

import click

from ndisemu import Status, run
from ndisemu.bench.endurance import CASES, Fault, endure
from ndisemu.verifier import EVERYTHING, Verification


def row(driver: str, fault: Fault, seeds: int, frames: int, verify: Verification | None) -> list[str]:
    """Run the seeds of one fault on one driver and print what became of their sends; returns what was wrong."""
    began = time.process_time()
    ends: dict[Status, int] = {}
    wrong: list[str] = []
    for seed in range(seeds):
        outcome = run(endure(seed, driver, fault, frames, verify))
        wrong += [f"{driver}, {fault.value}, seed {seed}: {text}" for text in outcome.wrong]
        for status, count in outcome.ends.items():
            ends[status] = ends.get(status, 0) + count
    sent = ends.pop(Status.SUCCESS, 0)
    rest = ", ".join(f"{count} {status.name}" for status, count in sorted(ends.items())) or "-"
    seconds = time.process_time() - began
    what = f"  {driver:<13} {fault.value:<16}"
    print(f"{what} {seeds:>6} {sent:>10} {rest:<52} {len(wrong):>5} {seconds:8.1f} s", flush=True)
    return wrong


@click.command
@click.argument("seeds", type=click.IntRange(min=1), default=1000)
@click.option("--driver", type=click.Choice(list(CASES)), help="Only this driver.")
@click.option(
    "--frames", type=click.IntRange(min=1), default=2000, show_default=True, help="What a host sends in a seed."
)
@click.option("--free", is_flag=True, help="The free build: no rules, and twice as fast.")
@click.option("--fault", type=click.Choice([fault.value for fault in Fault]), help="Only this fault.")
def main(seeds: int, frames: int, driver: str | None, fault: str | None, *, free: bool) -> None:
    """Run so many SEEDS of each fault on each driver that can have it, by default 1000, with every rule on."""
    print(
        f"  {'driver':<13} {'fault':<16} {'seeds':>6} {'sent':>10} {'other ends of sends':<52} {'wrong':>5} {'CPU':>10}"
    )
    wrong = [
        text
        for name, faults in CASES.items()
        for one in faults
        if driver in {None, name} and fault in {None, one.value}
        for text in row(name, one, seeds, frames, None if free else EVERYTHING)
    ]
    for text in wrong[:20]:
        print(text)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
