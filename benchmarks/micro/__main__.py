"""Test all claims and print the verdicts."""

from benchmarks.micro import calendar, descriptor_runs, enum_alias, memory, probe
from ndisemu.bench.claim import report

if __name__ == "__main__":
    for module in (calendar, descriptor_runs, enum_alias, memory, probe):
        print(report(module.claim()))
