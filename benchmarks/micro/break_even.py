"""How many descriptors a run must have to be worth a slice: one is not enough, eight are.

A slice costs about as much as a few words, however short it is.
"""

from ndisemu.bench.claim import Claim, Comparison, Way, report
from ndisemu.memory import DescriptorRing, HostMemory

START = 32
COUNT = 256
ENOUGH = 8


def read_slice(ring: DescriptorRing, run: int) -> Way:
    """Read descriptors with one slice."""

    def way(count: int) -> None:
        for _ in range(count):
            ring.read(START, run)

    return way


def read_words(ring: DescriptorRing, run: int) -> Way:
    """Read descriptors word by word."""

    def way(count: int) -> None:
        words = ring.words
        for _ in range(count):
            for place in range(START, START + run):
                words[2 * place], words[2 * place + 1]

    return way


def write_slice(ring: DescriptorRing, run: int) -> Way:
    """Write descriptors with one slice."""

    def way(count: int) -> None:
        values = list(range(2 * run))
        for _ in range(count):
            ring.write(START, values)

    return way


def write_words(ring: DescriptorRing, run: int) -> Way:
    """Write descriptors word by word."""

    def way(count: int) -> None:
        values, words = list(range(2 * run)), ring.words
        for _ in range(count):
            for place, value in enumerate(values, 2 * START):
                words[place] = value

    return way


def claim() -> Claim:
    """Say from where on runs pay."""
    ring = DescriptorRing(HostMemory("bench", 1 << 20).words[1024 : 1024 + 2 * COUNT])
    return Claim(
        f"A single descriptor gains nothing in bulk, and a run of {ENOUGH} is at least as fast as word by word",
        "ndisemu/memory/ring.py",
        (
            Comparison("1 descriptor read", ("word by word", read_words(ring, 1)), ("in bulk", read_slice(ring, 1)), 1),
            Comparison(
                "1 descriptor written", ("word by word", write_words(ring, 1)), ("in bulk", write_slice(ring, 1)), 1
            ),
            Comparison(
                f"{ENOUGH} descriptors read",
                ("in bulk", read_slice(ring, ENOUGH)),
                ("word by word", read_words(ring, ENOUGH)),
                1,
            ),
            Comparison(
                f"{ENOUGH} descriptors written",
                ("in bulk", write_slice(ring, ENOUGH)),
                ("word by word", write_words(ring, ENOUGH)),
                1,
            ),
        ),
    )


if __name__ == "__main__":
    print(report(claim()))
