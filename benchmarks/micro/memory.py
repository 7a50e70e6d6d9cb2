"""Host memory: slices of the mapping for payload, 64-bit words for descriptors.

Descriptors are compared as the rings use them: single status words, and runs
of whole descriptors. For both words of a single descriptor one
`Struct.unpack_from` is at least as fast as two indexings.
"""

from struct import Struct

from ndisemu.bench.claim import Claim, Comparison, Way, report
from ndisemu.memory import HostMemory

SIZE = 64
PAYLOAD = bytes(range(SIZE))
WORD = Struct("<Q")
DESCRIPTOR = Struct("<QQ")
RUN = 64
ADDRESS = 8192


def read_mapping(memory: HostMemory) -> Way:
    """Slice the mapping, which gives bytes."""

    def way(count: int) -> None:
        mapping, start = memory.map, ADDRESS
        for _ in range(count):
            mapping[start : start + SIZE]

    return way


def read_view(memory: HostMemory) -> Way:
    """Slice a view and make bytes of that."""

    def way(count: int) -> None:
        view, start = memoryview(memory.map), ADDRESS
        for _ in range(count):
            bytes(view[start : start + SIZE])

    return way


def write_mapping(memory: HostMemory) -> Way:
    """Assign to a slice of the mapping."""

    def way(count: int) -> None:
        mapping, start = memory.map, ADDRESS
        for _ in range(count):
            mapping[start : start + SIZE] = PAYLOAD

    return way


def write_view(memory: HostMemory) -> Way:
    """Assign to a slice of a view."""

    def way(count: int) -> None:
        view, start = memoryview(memory.map), ADDRESS
        for _ in range(count):
            view[start : start + SIZE] = PAYLOAD

    return way


def read_word(memory: HostMemory) -> Way:
    """Take a status word by index."""

    def way(count: int) -> None:
        words, place = memory.words, ADDRESS >> 3
        for _ in range(count):
            words[place]

    return way


def unpack_word(memory: HostMemory) -> Way:
    """Unpack a status word with a bound `Struct`."""

    def way(count: int) -> None:
        mapping, start, unpack_from = memory.map, ADDRESS, WORD.unpack_from
        for _ in range(count):
            unpack_from(mapping, start)[0]

    return way


def write_word(memory: HostMemory) -> Way:
    """Set a status word by index."""

    def way(count: int) -> None:
        words, place = memory.words, ADDRESS >> 3
        for number in range(count):
            words[place] = number

    return way


def pack_word(memory: HostMemory) -> Way:
    """Pack a status word with a bound `Struct`."""

    def way(count: int) -> None:
        mapping, start, pack_into = memory.map, ADDRESS, WORD.pack_into
        for number in range(count):
            pack_into(mapping, start, number)

    return way


def read_run(memory: HostMemory) -> Way:
    """Read a run of descriptors with one slice."""

    def way(count: int) -> None:
        words, start, end = memory.words, ADDRESS >> 3, (ADDRESS >> 3) + 2 * RUN
        for _ in range(count):
            words[start:end].tolist()

    return way


def unpack_run(memory: HostMemory) -> Way:
    """Unpack a run of descriptors one by one with a bound `Struct`."""

    def way(count: int) -> None:
        mapping, start, end, unpack_from = memory.map, ADDRESS, ADDRESS + DESCRIPTOR.size * RUN, DESCRIPTOR.unpack_from
        for _ in range(count):
            [unpack_from(mapping, address) for address in range(start, end, DESCRIPTOR.size)]

    return way


def claim() -> Claim:
    """Say what the docstring of host memory says."""
    memory = HostMemory("bench", 1 << 20)
    return Claim(
        "Slices of the mapping and 64-bit words are the fastest ways to payload and descriptors",
        "ndisemu/memory/host.py",
        (
            Comparison(
                f"{SIZE} bytes read", ("map[a:b]", read_mapping(memory)), ("bytes(view[a:b])", read_view(memory)), 1.5
            ),
            Comparison(
                f"{SIZE} bytes written",
                ("map[a:b] = data", write_mapping(memory)),
                ("view[a:b] = data", write_view(memory)),
                1,
            ),
            Comparison(
                "a status word read", ("words[i]", read_word(memory)), ("unpack_from", unpack_word(memory)), 1.5
            ),
            Comparison(
                "a status word written", ("words[i] = n", write_word(memory)), ("pack_into", pack_word(memory)), 1.5
            ),
            Comparison(
                f"{RUN} descriptors read",
                ("words[a:b].tolist()", read_run(memory)),
                ("unpack_from each", unpack_run(memory)),
                2,
            ),
        ),
    )


if __name__ == "__main__":
    print(report(claim()))
