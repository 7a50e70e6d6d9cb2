"""NDIS 6 receives: one owner for each list, copies for the others, and everything comes back once."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import PacketFilter, Status, v6
from tests.ndis.conftest import BROADCAST, BUFFERS, GROUP, STATION, frame
from tests.ndis.v6.conftest import RESOURCES, Bench6, Mini6, Peer6, on_bench6

OTHER = b"\x02\x00\x00\x00\x00\x55"


@on_bench6
async def test_a_list_belongs_to_the_protocol_until_it_returns_it(bench: Bench6) -> None:
    """It is lent, and the miniport's again, through MiniportReturnNetBufferLists, when the protocol gives it back."""
    miniport, peer = Mini6(), Peer6()
    peer.keeps = True
    await bench.pair6(miniport, peer)
    nbls = await bench.indicate(miniport, frame(0), frame(1))
    adapter = miniport.ndis._adapter
    assert [nbl.owner for nbl in nbls] == [adapter.receives.loan(peer.binding)] * 2
    assert (adapter.receives.lent, peer.binding.receives_held, miniport.returned) == (2, 2, [])
    await bench.dispatch(lambda: peer.binding.return_nbls([nbls[1]]))
    assert miniport.returned == [nbls[1]]
    await bench.dispatch(lambda: peer.binding.return_nbls([nbls[0]]))
    peer.held.clear()
    assert (adapter.receives.lent, peer.binding.receives_held, miniport.returned) == (0, 0, nbls[::-1])
    assert [nbl.owner for nbl in nbls] == [adapter] * 2


@on_bench6
async def test_a_protocol_may_return_before_the_indication_has(bench: Bench6) -> None:
    """Lists can come back inside the indicate call (5.6)."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    nbls = await bench.indicate(miniport, frame(0), frame(1))
    assert (peer.received, miniport.returned) == ([(frame(0), 0), (frame(1), 0)], nbls)


@on_bench6
async def test_a_list_that_nobody_wants_comes_back_at_once(bench: Bench6) -> None:
    """Filters are applied for each binding; what none wants is the miniport's again, and counted."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    nbls = await bench.indicate(miniport, frame(0), frame(1, to=OTHER), frame(2, to=GROUP))
    assert peer.received == [(frame(0), 0)]
    assert miniport.returned == nbls
    receives = peer.binding.adapter.receives
    assert (receives.indicated, receives.returned, receives.unwanted) == (3, 3, 2)


@on_bench6
async def test_with_resources_lists_are_only_shown(bench: Bench6) -> None:
    """They are the miniport's again when the call returns, and MiniportReturnNetBufferLists is not called (5.6)."""
    miniport, peer = Mini6(), Peer6()
    peer.keeps = True
    await bench.pair6(miniport, peer)
    nbls = await bench.indicate(miniport, frame(0), frame(1, to=OTHER), flags=RESOURCES)
    assert peer.received == [(frame(0), RESOURCES)]
    assert (miniport.returned, [nbl.owner for nbl in nbls]) == ([], [peer.binding.adapter] * 2)
    assert peer.binding.adapter.receives.starved == 2
    miniport.free += nbls


class Meddling(Peer6):
    """Changes what it is shown, as it is told."""

    def __init__(self, meddle: Callable[[v6.NetBufferList], object]) -> None:
        super().__init__()
        self.meddle = meddle

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        super().receive_nbls(binding, nbls, port, flags)
        for nbl in nbls:
            self.meddle(nbl)


def drop_frames(nbl: v6.NetBufferList) -> None:
    """Take the frames out of a list."""
    nbl.buffers = ()


MEDDLING: Final[list[Callable[[v6.NetBufferList], object]]] = [
    drop_frames,
    lambda nbl: nbl.advance(14),
    lambda nbl: nbl.buffers[0].resize(14),
]


@pytest.mark.parametrize("meddle", MEDDLING, ids=["without frames", "advanced", "shortened"])
@on_bench6
async def test_what_is_only_shown_comes_back_unchanged(
    bench: Bench6, meddle: Callable[[v6.NetBufferList], object]
) -> None:
    """A protocol that changes the chain of a list with RESOURCES is reported, and NDIS undoes it (5.6)."""
    miniport = Mini6()
    peer = await bench.pair6(miniport, Meddling(meddle))
    nbls = await bench.indicate(miniport, frame(0), flags=RESOURCES)
    assert bench.rules() == ["rx-resources-chain-restored"]
    assert (bench.findings[0].actor, bench.findings[0].irql) == (peer.binding.name, DISPATCH)
    assert [buffer.read() for buffer in nbls[0].buffers] == [frame(0)]
    miniport.free += nbls


@on_bench6
async def test_what_is_undone_is_no_change(bench: Bench6) -> None:
    """A protocol may advance past the Ethernet header, if it retreats before it returns."""

    def there_and_back(nbl: v6.NetBufferList) -> None:
        nbl.advance(14)
        nbl.retreat(14)

    miniport = Mini6()
    await bench.pair6(miniport, Meddling(there_and_back))
    miniport.free += await bench.indicate(miniport, frame(0), flags=RESOURCES)
    assert bench.rules() == []


@on_bench6
async def test_the_last_binding_owns_and_the_others_are_shown(bench: Bench6) -> None:
    """All but the last of those that want a list get it with RESOURCES, each in the order of the indication (5.6)."""
    miniport = Mini6()
    adapter = await bench.start6(miniport)
    one = await bench.bind6(adapter, Peer6("one"))
    two = await bench.bind6(adapter, Peer6("two", types=PacketFilter.BROADCAST))
    three = await bench.bind6(adapter, Peer6("three", types=PacketFilter(0)))
    frames = [frame(0, to=BROADCAST), frame(1), frame(2, to=BROADCAST), frame(3, to=GROUP)]
    nbls = await bench.indicate(miniport, *frames)
    assert one.received == [(frames[0], RESOURCES), (frames[1], 0), (frames[2], RESOURCES)]
    assert two.received == [(frames[0], 0), (frames[2], 0)]
    assert three.received == []
    assert Counter(map(repr, miniport.returned)) == Counter(map(repr, nbls))
    assert adapter.receives.unwanted == 1


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ("twice", "rx-return-once"),
        ("another's", "rx-return-right-binding"),
        ("its own send", "rx-return-once"),
        ("shown", "rx-resources-no-return"),
    ],
)
@on_bench6
async def test_a_wrong_return_is_refused(bench: Bench6, wrong: str, rule: str) -> None:
    """Each list is returned once, by whom it was given to; a refused return changes nothing."""
    miniport = Mini6()
    adapter = await bench.start6(miniport)
    one, two = await bench.bind6(adapter, Peer6("one")), await bench.bind6(adapter, Peer6("two", types=PacketFilter(0)))
    one.keeps = True
    good, bad = await bench.indicate(miniport, frame(0), frame(1))
    returning = one.binding
    if wrong == "twice":
        await bench.dispatch(lambda: one.binding.return_nbls([bad]))
    elif wrong == "another's":
        good, returning = bad, two.binding
    elif wrong == "its own send":
        bad = one.nbls[0]
    else:
        await bench.dispatch(lambda: one.binding.return_nbls([bad]))
        adapter.receives.lend([bad])
    batch = [bad] if good is bad else [good, bad]
    with pytest.raises(RuleViolation, match=f"{rule}: {returning.name} returned {bad!r}, which "):
        await bench.dispatch(lambda: returning.return_nbls(batch))
    assert bench.rules() == [rule]
    loans = [adapter.receives.loan(peer.binding) for peer in (one, two)]
    assert good.owner is loans[0]
    if wrong == "shown":
        adapter.receives.take_back([bad])
    left = [nbl for nbl in one.held if nbl.owner in loans]
    one.held.clear()
    await bench.dispatch(lambda: one.binding.return_nbls(left))


@pytest.mark.parametrize("state", ["Paused", "Running"])
@on_bench6
async def test_nothing_is_indicated_while_the_adapter_is_paused(bench: Bench6, state: str) -> None:
    """From MiniportRestart until MiniportPause has completed, and at no other time (5.1)."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    if state == "Paused":
        await peer.binding.adapter.pause()
        with pytest.raises(RuleViolation, match="rx-state-running: nic0 indicated nbl#0 in state Paused; it may"):
            await bench.indicate(miniport, frame(0))
        assert bench.rules() == ["rx-state-running"]
    else:
        await bench.indicate(miniport, frame(0))
        assert peer.received == [(frame(0), 0)]


@pytest.mark.parametrize("entry", ["restart", "pause"])
@on_bench6
async def test_a_miniport_may_indicate_while_it_restarts_and_pauses(bench: Bench6, entry: str) -> None:
    """As soon as MiniportRestart is entered, and until MiniportPause ends."""

    class Eager(Mini6):
        def restart(self) -> Status:
            if entry == "restart":
                self.ndis.indicate_receive(self.fill(frame(5)))
            return Status.SUCCESS

        def pause(self) -> Status:
            if entry == "pause":
                self.ndis.indicate_receive(self.fill(frame(5)))
            return Status.SUCCESS

    peer = await bench.pair6(Eager())
    await peer.binding.adapter.pause()
    assert peer.received == [(frame(5), 0)]


@on_bench6
async def test_a_list_is_not_indicated_while_it_is_lent(bench: Bench6) -> None:
    """The miniport indicates what is its own."""
    miniport, peer = Mini6(), Peer6()
    peer.keeps = True
    await bench.pair6(miniport, peer)
    nbls = await bench.indicate(miniport, frame(0))
    with pytest.raises(RuleViolation, match="rx-reindicate-in-use"):
        await bench.dispatch(lambda: miniport.ndis.indicate_receive(nbls))


@on_bench6
async def test_a_protocol_that_raises_keeps_nothing(bench: Bench6) -> None:
    """What it had not returned goes back in its place, and it is given nothing more."""

    class Raising(Peer6):
        def receive_nbls(self, binding: v6.Binding, nbls: object, port: int, flags: int) -> None:
            raise ValueError("for the test")

    miniport = Mini6()
    peer = await bench.pair6(miniport, Raising())
    nbls = await bench.indicate(miniport, frame(0), frame(1))
    nbls += await bench.indicate(miniport, frame(2))
    assert (miniport.returned, peer.binding.receives_held) == (nbls, 0)
    assert bench.rules() == ["bugcheck"]


KINDS = [
    PacketFilter(0),
    PacketFilter.DIRECTED,
    PacketFilter.BROADCAST,
    PacketFilter.DIRECTED | PacketFilter.BROADCAST,
    PacketFilter.PROMISCUOUS,
]
INDICATION = st.tuples(
    st.lists(st.sampled_from([STATION, BROADCAST, GROUP, OTHER]), min_size=1, max_size=4),
    st.booleans(),
    st.lists(st.integers(0, 10), max_size=4),
)


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3), st.lists(INDICATION, max_size=8))
@settings(max_examples=60)
def test_every_list_has_one_owner_at_all_times(
    kinds: list[PacketFilter], indications: list[tuple[list[bytes], bool, list[int]]]
) -> None:
    """Whatever is wanted, kept, shown and returned: a list is the miniport's, or lent to exactly one, and none is lost."""

    @on_bench6
    async def check(bench: Bench6) -> None:
        miniport = Mini6()
        adapter = await bench.start6(miniport)
        peers = [await bench.bind6(adapter, Peer6(f"peer{place}", types=kind)) for place, kind in enumerate(kinds)]
        for peer in peers:
            peer.keeps = True
        for destinations, starved, returns in indications:
            frames = [frame(place, to=to) for place, to in enumerate(destinations)][: len(miniport.free)]
            nbls = await bench.indicate(miniport, *frames, flags=RESOURCES if starved else 0)
            if starved:
                miniport.free += nbls
            for choice in returns:
                held = [(peer, nbl) for peer in peers for nbl in peer.held]
                if held:
                    peer, nbl = held[choice % len(held)]
                    peer.held.remove(nbl)
                    await bench.dispatch(lambda peer=peer, nbl=nbl: peer.binding.return_nbls([nbl]))  # type: ignore[misc]
            lent = [nbl for peer in peers for nbl in peer.held]
            loans = [adapter.receives.loan(peer.binding) for peer in peers for _ in peer.held]
            assert sorted(map(repr, [*miniport.free, *lent])) == sorted(map(repr, miniport.pool))
            assert [nbl.owner for nbl in lent] == loans
            assert [nbl.owner for nbl in miniport.free] == [adapter] * len(miniport.free)
            assert adapter.receives.lent == len(lent) == sum(peer.binding.receives_held for peer in peers)
        await adapter.pause()
        assert len(miniport.free) == BUFFERS

    check()
