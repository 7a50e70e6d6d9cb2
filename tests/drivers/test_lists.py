"""Lists of several frames: how frames are dealt out to them, and that a station sends all it has in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from random import Random

import pytest
from hypothesis import given, strategies as st

from ndisemu import Emulation, Ring6Miniport, run
from ndisemu.drivers.protocols import Flow, Generator, Station6
from ndisemu.drivers.protocols.lists import Chains
from ndisemu.memory import PAGE, HostMemory
from ndisemu.ndis import v6
from ndisemu.ndis.data.mdl import BufferPool
from ndisemu.verifier import EVERYTHING

SIZE = 40
FRAMES = st.lists(st.binary(min_size=2, max_size=SIZE), min_size=1, max_size=24)


@contextmanager
def lists_of(each: int, count: int) -> Iterator[list[v6.NetBufferList]]:
    """Make `count` lists of `each` frames."""
    memory = HostMemory("h", 16 * PAGE)
    pool = BufferPool(memory, "buffers", "test", each * count, SIZE)
    nbls = [v6.NetBufferList(number) for number in range(count)]
    for nbl in nbls:
        mdls = [pool.allocate(nbl) for _ in range(each)]
        nbl.buffers = [v6.NetBuffer(nbl, [mdl], 0, SIZE) for mdl in mdls if mdl is not None]
    yield nbls
    memory.close()


@given(FRAMES, FRAMES, st.integers(1, 9))
def test_frames_are_dealt_out_in_order(first: list[bytes], second: list[bytes], each: int) -> None:
    """Each list gets as many as belong to it, the last the rest; and one that had fewer has all of them again."""
    with lists_of(each, 24) as nbls:
        chains, whole = Chains(nbls), [nbl.buffers for nbl in nbls]
        for frames in (first, second, first):
            used = nbls[: -(-len(frames) // each)]
            chains.fill(used, frames)
            assert [frame.read() for nbl in used for frame in nbl.buffers] == frames
            assert [len(nbl.buffers) for nbl in used[:-1]] == [each] * (len(used) - 1)
            assert all(nbl.buffers == chain[: len(nbl.buffers)] for nbl, chain in zip(nbls, whole, strict=True))


def test_frames_that_do_not_fit_are_a_mistake() -> None:
    """None is lost in silence."""
    with lists_of(3, 2) as nbls, pytest.raises(ValueError, match="7 frames are more than the 6 that 2 lists have"):
        Chains(nbls).fill(nbls, [b"frame"] * 7)


def test_a_list_has_at_least_one_frame() -> None:
    """Anything below is told where it is said."""
    with pytest.raises(ValueError, match="frames_per_list is 0; a list has at least one frame"):
        Generator(Random(1), source=b"a", destination=b"b", frames=1, sizes=[60], frames_per_list=0)


@pytest.mark.parametrize(
    ("burst", "window", "each", "expected"),
    [
        (64, 192, 1, (192, 1)),
        (64, 192, 64, (3, 64)),
        (64, 192, 60, (6, 60)),
        # A list ends with its burst, so more frames would never be used.
        (8, 20, 1024, (2, 8)),
        (1, 9, 4, (9, 1)),
    ],
)
def test_there_are_as_many_lists_as_the_window_takes(
    burst: int, window: int, each: int, expected: tuple[int, int]
) -> None:
    """And as many frames in each as a burst may need of them."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            slot = host.nic("eth0", Ring6Miniport)
            source = Generator(
                Random(1), source=slot.mac, destination=slot.mac, frames=9, sizes=[60], burst=burst, window=window,
                frames_per_list=each,
            )  # fmt: skip
            station = Station6("a", sources=[(source, Flow("f"))])
            await host.bind_protocol("eth0", station)
            nbls = station.senders[0]._free
            assert (len(nbls), *{len(nbl.buffers) for nbl in nbls}) == expected

    run(main())


@pytest.mark.parametrize(
    ("frames", "burst", "window", "each", "lists"),
    [
        (640, 64, 192, 64, 10),
        # What is left of a burst goes in a list that is not full, and so does the last burst.
        (100, 5, 20, 3, 40),
        (17, 8, 8, 64, 3),
        (30, 1, 8, 4, 30),
        # More frames than the transmit ring has descriptors, in one list.
        (900, 300, 600, 300, 3),
    ],
)
def test_a_station_sends_its_bursts_in_lists(frames: int, burst: int, window: int, each: int, lists: int) -> None:
    """Every frame arrives in order, in as few lists as they fit in, and no rule is broken."""

    async def main() -> None:
        async with Emulation(verify=EVERYTHING) as emu:
            a, b = emu.host("a"), emu.host("b")
            near, far = a.nic("eth0", Ring6Miniport), b.nic("eth0", Ring6Miniport)
            emu.connect(near, far)
            flow = Flow("f")
            source = Generator(
                Random(1), source=near.mac, destination=far.mac, frames=frames, sizes=[60, 700, 1514], burst=burst,
                window=window, frames_per_list=each, priorities=[5],
            )  # fmt: skip
            sender, sink = Station6("a", sources=[(source, flow)]), Station6("b", flows=[flow])
            await b.bind_protocol("eth0", sink)
            await a.bind_protocol("eth0", sender)
            emu.kernel.submit(lambda: a.cpus[0].queue_thread(sender.start))
            await emu.idle()
            assert (flow.intact, flow.late, flow.unexpected, sender.failed, sender.done) == (frames, 0, 0, 0, True)
            assert near.adapter.sends.completed == lists
        assert emu.findings == []
        # Also those that the last burst had left out of their list have gone with the binding.
        assert near.adapter.device.dma._listed == []

    run(main())


def test_lists_that_are_alike_may_follow_each_other() -> None:
    """The card takes frames before they leave, so lists come back and go again while the same bytes wait in it."""

    async def main() -> None:
        async with Emulation(verify=EVERYTHING) as emu:
            a, b = emu.host("a"), emu.host("b")
            near, far = a.nic("eth0", Ring6Miniport), b.nic("eth0", Ring6Miniport)
            emu.connect(near, far, rate="10Mbit/s")
            source = Generator(
                Random(1), source=near.mac, destination=far.mac, frames=90, sizes=[60, 61, 62], burst=3, window=3,
                frames_per_list=3,
            )  # fmt: skip
            source._bursts = repeat(next(source._bursts))  # type: ignore[assignment]
            flow = Flow("f")
            sender = Station6("a", sources=[(source, flow)])
            await b.bind_protocol("eth0", Station6("b", flows=[flow]))
            await a.bind_protocol("eth0", sender)
            emu.kernel.submit(lambda: a.cpus[0].queue_thread(sender.start))
            await emu.idle()
            assert (flow.intact, near.adapter.sends.completed) == (90, 30)
        assert emu.findings == []

    run(main())


def test_sources_in_lists_and_alone_share_one_binding() -> None:
    """What comes back goes to the source whose lists they are."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = emu.host("a"), emu.host("b")
            near, far = a.nic("eth0", Ring6Miniport), b.nic("eth0", Ring6Miniport)
            emu.connect(near, far)
            flows = [Flow("lists"), Flow("alone")]
            sources = [
                Generator(
                    Random(number), source=near.mac, destination=far.mac, frames=500, sizes=[60 + number], burst=16,
                    window=32, frames_per_list=each,
                )
                for number, each in enumerate((7, 1))
            ]  # fmt: skip
            sender = Station6("a", sources=list(zip(sources, flows, strict=True)))
            await b.bind_protocol("eth0", Station6("b", flows=flows))
            await a.bind_protocol("eth0", sender)
            emu.kernel.submit(lambda: a.cpus[0].queue_thread(sender.start))
            await emu.idle()
            assert [flow.intact for flow in flows] == [500, 500]
            # Three lists to a burst of sixteen, and one to the last four frames.
            assert near.adapter.sends.completed == 500 + 31 * 3 + 1
        assert emu.findings == []

    run(main())
