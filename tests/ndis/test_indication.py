"""Status indications: series that are closed, told to every protocol, and only where they are allowed."""

from typing import Any

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.ndis import Status, v5
from tests.ndis.conftest import Bench, Mini, Peer, on_bench


class Listener(Peer):
    """Notes what it is told."""

    def __init__(self, name: str = "peer", **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.told: list[object] = []

    def status(self, binding: v5.Binding, code: Status, buffer: bytes) -> None:
        self.told.append((code, buffer))

    def status_complete(self, binding: v5.Binding) -> None:
        self.told.append("complete")


@on_bench
async def test_every_protocol_is_told(bench: Bench) -> None:
    """A series may have several indications; every binding is told each, with its bytes, and the end of the series."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    peers = [Listener("one"), Listener("two")]
    for peer in peers:
        await bench.bind(adapter, peer)

    def indicate() -> None:
        miniport.ndis.indicate_status(Status.LINK_SPEED_CHANGE, b"\x10\0\0\0")
        miniport.ndis.indicate_status(Status.MEDIA_SPECIFIC_INDICATION)
        miniport.ndis.indicate_status_complete()

    await bench.dispatch(indicate)
    series = [(Status.LINK_SPEED_CHANGE, b"\x10\0\0\0"), (Status.MEDIA_SPECIFIC_INDICATION, b""), "complete"]
    assert [peer.told for peer in peers] == [series, series]


@on_bench
async def test_ndis_remembers_the_link(bench: Bench) -> None:
    """A link counts as up until the miniport says otherwise; every binding can ask."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    seen = [peer.binding.link_up]
    for code in (Status.MEDIA_DISCONNECT, Status.LINK_SPEED_CHANGE, Status.MEDIA_CONNECT):
        await bench.passive(lambda code=code: miniport.ndis.indicate_status(code))  # type: ignore[misc]
        await bench.passive(miniport.ndis.indicate_status_complete)
        seen.append(peer.binding.link_up)
    assert seen == [True, False, False, True]


@on_bench
async def test_an_end_needs_a_beginning(bench: Bench) -> None:
    """NdisMIndicateStatusComplete without NdisMIndicateStatus is refused, also a second time."""
    miniport = Mini()
    peer = await bench.pair(miniport, Listener())
    with pytest.raises(RuleViolation, match="status5-complete: nic0 called NdisMIndicateStatusComplete without"):
        await bench.passive(miniport.ndis.indicate_status_complete)
    assert isinstance(peer, Listener)
    assert peer.told == []


@on_bench
async def test_a_series_that_is_left_open_is_found_at_halt(bench: Bench) -> None:
    """A beginning needs an end."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    await bench.passive(lambda: miniport.ndis.indicate_status(Status.MEDIA_DISCONNECT))
    await adapter.halt()
    assert bench.rules() == ["status5-complete"]


@pytest.mark.parametrize("code", [Status.RESET_START, Status.RESET_END])
@on_bench
async def test_a_miniport_does_not_announce_resets(bench: Bench, code: Status) -> None:
    """That is NDIS's business."""
    miniport = Mini()
    await bench.start(miniport)
    with pytest.raises(RuleViolation, match="status-no-reset-codes"):
        await bench.passive(lambda: miniport.ndis.indicate_status(code))


@pytest.mark.parametrize("way", ["status", "complete"])
@on_bench
async def test_the_isr_indicates_nothing(bench: Bench, way: str) -> None:
    """Above DISPATCH_LEVEL the call is refused, which is the driver's bug check."""

    class Hasty(Mini):
        def isr(self) -> tuple[bool, bool]:
            if way == "status":
                self.ndis.indicate_status(Status.MEDIA_DISCONNECT)
            else:
                self.ndis.indicate_status_complete()
            return True, True

    miniport = Hasty()
    adapter = await bench.start(miniport)
    miniport.card.line.assert_("nic0")
    await bench.pass_time()
    assert bench.rules() == ["irql-status"]
    assert not adapter.running


@on_bench
async def test_halt_indicates_nothing(bench: Bench) -> None:
    """There is nobody left to be told."""

    class Late(Mini):
        def halt(self) -> None:
            super().halt()
            with pytest.raises(RuleViolation, match="status-after-halt: nic0 indicated a status in MiniportHalt"):
                self.ndis.indicate_status(Status.MEDIA_DISCONNECT)

    adapter = await bench.start(Late())
    await adapter.halt()
    assert adapter.startable


@on_bench
async def test_a_protocol_that_raises_is_the_only_one_to_suffer(bench: Bench) -> None:
    """The others are told, and the miniport notices nothing."""

    class Fragile(Listener):
        def status(self, binding: v5.Binding, code: Status, buffer: bytes) -> None:
            raise LookupError("no such status")

    miniport = Mini()
    adapter = await bench.start(miniport)
    await bench.bind(adapter, Fragile("fragile"))
    listener = Listener("listener")
    await bench.bind(adapter, listener)
    await bench.passive(lambda: miniport.ndis.indicate_status(Status.MEDIA_DISCONNECT))
    await bench.passive(miniport.ndis.indicate_status_complete)
    assert listener.told == [(Status.MEDIA_DISCONNECT, b""), "complete"]
    assert bench.rules() == ["bugcheck"]
    assert "ProtocolStatus of fragile raised" in bench.findings[0].text
