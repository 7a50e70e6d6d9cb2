"""Descriptor rings: a whole run at a time against one descriptor at a time."""

from ndisemu.bench.claim import Claim, Comparison, Way, report
from ndisemu.memory import DescriptorRing, HostMemory

RUN = 64
START = 32
COUNT = 256


def read_run(ring: DescriptorRing, run: int) -> Way:
    """Read whole descriptors with one slice."""

    def way(count: int) -> None:
        for _ in range(count):
            ring.read(START, run)

    return way


def read_each(ring: DescriptorRing, run: int) -> Way:
    """Read whole descriptors word by word."""

    def way(count: int) -> None:
        words = ring.words
        for _ in range(count):
            [words[place] for place in range(2 * START, 2 * (START + run))]

    return way


def read_status_run(ring: DescriptorRing, run: int) -> Way:
    """Read status words with one strided slice."""

    def way(count: int) -> None:
        for _ in range(count):
            ring.read_status(START, run)

    return way


def read_status_each(ring: DescriptorRing, run: int) -> Way:
    """Read status words one by one."""

    def way(count: int) -> None:
        words = ring.words
        for _ in range(count):
            [words[2 * place + 1] for place in range(START, START + run)]

    return way


def write_run(ring: DescriptorRing, run: int) -> Way:
    """Write whole descriptors with one slice."""

    def way(count: int) -> None:
        values = list(range(2 * run))
        for _ in range(count):
            ring.write(START, values)

    return way


def write_each(ring: DescriptorRing, run: int) -> Way:
    """Write whole descriptors word by word."""

    def way(count: int) -> None:
        values, words = list(range(2 * run)), ring.words
        for _ in range(count):
            for place, value in enumerate(values, 2 * START):
                words[place] = value

    return way


def claim() -> Claim:
    """Say why rings are read and written in runs."""
    memory = HostMemory("bench", 1 << 20)
    ring = DescriptorRing(memory.words[1024 : 1024 + 2 * COUNT])
    return Claim(
        f"Runs of {RUN} descriptors are read and written at least twice as fast in bulk as one by one",
        "ndisemu/memory/ring.py",
        (
            Comparison(
                f"{RUN} descriptors read", ("in bulk", read_run(ring, RUN)), ("one by one", read_each(ring, RUN)), 2
            ),
            Comparison(
                f"{RUN} status words read",
                ("in bulk", read_status_run(ring, RUN)),
                ("one by one", read_status_each(ring, RUN)),
                2,
            ),
            Comparison(
                f"{RUN} descriptors written",
                ("in bulk", write_run(ring, RUN)),
                ("one by one", write_each(ring, RUN)),
                2,
            ),
        ),
    )


if __name__ == "__main__":
    print(report(claim()))
