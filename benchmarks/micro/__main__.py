"""Test all claims and print the verdicts."""

from benchmarks.micro.catalogue import claims
from ndisemu.bench.claim import report

if __name__ == "__main__":
    for claim in claims():
        print(report(claim))
