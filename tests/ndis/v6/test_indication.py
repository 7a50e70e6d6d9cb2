"""Status indications of NDIS 6, and what the link is called in each generation."""

from typing import Any

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import run_passive
from ndisemu.ndis import (
    LinkState,
    MediaConnectState,
    MediaDuplexState,
    Oid,
    PauseFunctions,
    Status,
    StatusIndication,
    v5,
    v6,
)
from tests.ndis.conftest import Mini, Peer
from tests.ndis.v6.conftest import ATTRIBUTES, Bench6, Mini6, Peer6, on_bench6

DOWN = LinkState(MediaConnectState.DISCONNECTED)
UP = LinkState(MediaConnectState.CONNECTED, MediaDuplexState.FULL, 10**9, 10**8, PauseFunctions.UNSUPPORTED, 3)


def said(link: LinkState) -> StatusIndication:
    """Return the indication of a link."""
    return StatusIndication(Status.LINK_STATE, link.pack())


class Listener6(Peer6):
    """Notes what it is told."""

    def __init__(self, name: str = "peer", **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.told: list[StatusIndication] = []

    def status(self, binding: v6.Binding, indication: StatusIndication) -> None:
        self.told.append(indication)


async def ask(bench: Bench6, peer: Peer6, oid: Oid) -> bytes:
    """Query an OID."""

    async def query() -> bytes:
        return await peer.binding.query(oid, 64)

    answer = await run_passive(query, bench.cpu)
    assert isinstance(answer, bytes)
    return answer


def test_a_link_state_is_what_the_headers_say() -> None:
    """40 bytes: header, connect state, duplex state, two speeds, pause functions, negotiation (`ntddndis.h`)."""
    assert UP.pack() == (
        b"\x80\x01\x28\x00\x01\0\0\0\x02\0\0\0\0\0\0\0"
        b"\x00\xca\x9a\x3b\0\0\0\0\x00\xe1\xf5\x05\0\0\0\0\0\0\0\0\x03\0\0\0"
    )  # fmt: skip
    assert [LinkState.unpack(link.pack()) for link in (UP, DOWN)] == [UP, DOWN]


@pytest.mark.parametrize(
    ("buffer", "rule"),
    [
        (b"", "status-buffer: NDIS_STATUS_LINK_STATE was indicated with 0 bytes; an NDIS_LINK_STATE has 40"),
        (UP.pack()[:-1], "status-buffer"),
        (b"\x80\x00" + UP.pack()[2:], "status-header: .* revision 0"),
        (UP.pack()[:4] + b"\x07" + UP.pack()[5:], "status-buffer: .* 7 is not a valid MediaConnectState"),
    ],
)
@on_bench6
async def test_what_is_no_link_state_is_refused(bench: Bench6, buffer: bytes, rule: str) -> None:
    """The buffer must fit the code, header included; nobody is told, and nothing is remembered."""
    miniport, peer = Mini6(), Listener6()
    await bench.pair6(miniport, peer)
    with pytest.raises(RuleViolation, match=rule):
        await bench.dispatch(lambda: miniport.ndis.indicate_status(StatusIndication(Status.LINK_STATE, buffer)))
    assert (peer.told, peer.binding.link_up) == ([], True)


@on_bench6
async def test_every_protocol_is_told_once(bench: Bench6) -> None:
    """ProtocolStatusEx gets the indication as it is, LINK_STATE or not; there are no series."""
    miniport = Mini6()
    adapter = await bench.start6(miniport)
    peers = [await bench.bind6(adapter, Listener6(name)) for name in ("one", "two")]
    told = [StatusIndication(Status.MEDIA_SPECIFIC_INDICATION, b"x"), said(DOWN)]
    for indication in told:
        await bench.dispatch(lambda indication=indication: miniport.ndis.indicate_status(indication))  # type: ignore[misc]
    assert [peer.told for peer in peers if isinstance(peer, Listener6)] == [told, told]


@on_bench6
async def test_ndis_answers_what_the_miniport_has_last_said(bench: Bench6) -> None:
    """Link state, speed and connect status come from the attributes, then from each LINK_STATE."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    speed = ATTRIBUTES.link_speed
    first = LinkState(MediaConnectState.CONNECTED, MediaDuplexState.FULL, speed, speed)
    assert LinkState.unpack(await ask(bench, peer, Oid.GEN_LINK_STATE)) == first
    seen = []
    for link in (DOWN, UP):
        await bench.dispatch(lambda link=link: miniport.ndis.indicate_status(said(link)))  # type: ignore[misc]
        assert LinkState.unpack(await ask(bench, peer, Oid.GEN_LINK_STATE)) == link
        status = await ask(bench, peer, Oid.GEN_MEDIA_CONNECT_STATUS)
        seen.append((peer.binding.link_up, status[0], await ask(bench, peer, Oid.GEN_LINK_SPEED)))
    assert seen == [(False, 1, b"\xff\xff\xff\xff"), (True, 0, (10**7).to_bytes(4, "little"))]


@pytest.mark.parametrize(
    ("in_6", "in_5", "back"),
    [
        (said(UP), StatusIndication(Status.MEDIA_CONNECT), said(LinkState(MediaConnectState.CONNECTED))),
        (said(DOWN), StatusIndication(Status.MEDIA_DISCONNECT), said(DOWN)),
        (said(LinkState(MediaConnectState.UNKNOWN)), StatusIndication(Status.MEDIA_DISCONNECT), said(DOWN)),
        (StatusIndication(Status.RESET_START),) * 3,
        (StatusIndication(Status.MEDIA_SPECIFIC_INDICATION, b"x"),) * 3,
    ],
)
def test_each_generation_has_its_words(in_6: StatusIndication, in_5: StatusIndication, back: StatusIndication) -> None:
    """LINK_STATE is MEDIA_CONNECT or MEDIA_DISCONNECT in 5.x, and the other way round; all else is the same in both."""
    assert (in_6.for_6(), in_6.for_5(), in_5.for_5(), in_5.for_6()) == (in_6, in_5, in_5, back)


@on_bench6
async def test_attributes_come_first(bench: Bench6) -> None:
    """From the registration attributes on a miniport may indicate, before that it is refused."""

    class Early(Mini6):
        def initialize(self, parameters: v6.InitParameters) -> Any:
            with pytest.raises(RuleViolation, match="status-before-attributes"):
                self.ndis.indicate_status(said(DOWN))
            self.ndis.set_attributes(v6.RegistrationAttributes())
            self.ndis.indicate_status(said(DOWN))
            return super().initialize(parameters)

        def halt(self, action: v6.HaltAction) -> Any:
            self.ndis.indicate_status(said(DOWN))
            return super().halt(action)

    miniport = Early()
    adapter = await bench.start6(miniport)
    await adapter.halt()
    with pytest.raises(RuleViolation, match="st-after-halt"):
        await bench.dispatch(lambda: miniport.ndis.indicate_status(said(DOWN)))


@on_bench6
async def test_a_link_may_be_down_from_the_beginning(bench: Bench6) -> None:
    """As the general attributes say."""

    class Unplugged(Mini6):
        def initialize(self, parameters: v6.InitParameters) -> Any:
            result = super().initialize(parameters)
            state = MediaConnectState.DISCONNECTED
            self.ndis.set_attributes(v6.GeneralAttributes(ATTRIBUTES.current_address, connect_state=state))
            return result

    peer = await bench.pair6(Unplugged())
    assert not peer.binding.link_up
    assert (await ask(bench, peer, Oid.GEN_MEDIA_CONNECT_STATUS))[0] == 1


class Listener5(Peer):
    """A 5.x protocol that notes what it is told."""

    def __init__(self) -> None:
        super().__init__("five")
        self.told: list[object] = []

    def status(self, binding: v5.Binding, code: Status, buffer: bytes) -> None:
        self.told.append((code, buffer))

    def status_complete(self, binding: v5.Binding) -> None:
        self.told.append("complete")


@on_bench6
async def test_a_5x_protocol_hears_of_the_link_in_its_words(bench: Bench6) -> None:
    """On an NDIS 6 adapter each single indication is a series of its own for it, resets included."""

    class Resettable(Mini6):
        def reset(self) -> Status:
            return Status.SUCCESS

    miniport = Resettable()
    adapter = await bench.start6(miniport)
    peer = Listener5()
    await bench.bind(adapter, peer)
    for link in (DOWN, UP):
        await bench.dispatch(lambda link=link: miniport.ndis.indicate_status(said(link)))  # type: ignore[misc]
    await adapter.reset()
    codes = (Status.MEDIA_DISCONNECT, Status.MEDIA_CONNECT, Status.RESET_START, Status.RESET_END)
    assert peer.told == [told for code in codes for told in ((code, b""), "complete")]


@on_bench6
async def test_an_ndis_6_protocol_hears_of_the_link_in_its_words(bench: Bench6) -> None:
    """On a 5.x adapter MEDIA_DISCONNECT is a LINK_STATE for it, and the end of a series is nothing."""
    miniport, peer = Mini(), Listener6()
    await bench.bind6(await bench.start(miniport), peer)

    def indicate() -> None:
        miniport.ndis.indicate_status(Status.MEDIA_DISCONNECT)
        miniport.ndis.indicate_status(Status.MEDIA_CONNECT)
        miniport.ndis.indicate_status_complete()

    await bench.dispatch(indicate)
    assert peer.told == [said(DOWN), said(LinkState(MediaConnectState.CONNECTED))]
