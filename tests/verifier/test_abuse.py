"""Whatever a driver does to packets, lists and calls: a named finding with its line, and never a failure of ours."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from ndisemu.drivers.protocols import Station, Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Oid, OidRequest, Packet, Status, v5, v6
from ndisemu.verifier import RULES, Verification
from tests.verifier.exercises import found_in


class Wrapper:
    """A packet in a wrapper, which passes everything on."""

    def __init__(self, packet: Packet) -> None:
        self.packet = packet

    def __getattr__(self, name: str) -> Any:
        return getattr(self.packet, name)


class MyPacket(Packet):
    """A packet of a driver's own making."""


def completes(make: Callable[[Packet], Any]) -> type[RingMiniport]:
    """Return a driver that completes what it makes of the packets it was given."""

    class CompletesOthers(RingMiniport):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            self.ndis.send_complete([make(packet) for packet in packets], Status.SUCCESS)
            await super().send_packets(packets)

    return CompletesOthers


def indicates(make: Callable[[Packet], Any]) -> type[RingMiniport]:
    """Return a driver that indicates what it makes of the packets it was sent."""

    class IndicatesOthers(RingMiniport):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            self.ndis.indicate_receive([make(packet) for packet in packets])
            await super().send_packets(packets)

    return IndicatesOthers


def does(act: Callable[[Packet], object]) -> type[RingMiniport]:
    """Return a driver that does something to every packet that it is to send."""

    class Does(RingMiniport):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            for packet in packets:
                act(packet)
            await super().send_packets(packets)

    return Does


def does_to_lists(act: Callable[[v6.NetBufferList], object]) -> type[Ring6Miniport]:
    """Return a driver that does something to every list that it is to send."""

    class Does(Ring6Miniport):
        async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
            for nbl in nbls:
                act(nbl)
            await super().send(nbls, port, flags)

    return Does


class RaisesInItsCompletion(Station):
    """A protocol that fails where its packets come back."""

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        raise LookupError("no such packet")


class RaisesInItsCompletion6(Station6):
    """The same over lists."""

    def send_complete(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        raise LookupError("no such list")


class SendsNonsense(Station):
    """A protocol that sends what is no packet."""

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        super().send_complete(binding, packets, status)
        for nonsense in (None, "packets", [None], [object()]):
            binding.send_packets(nonsense)  # type: ignore[arg-type]


class Unhashable(Packet):
    """A packet that compares by what is in it."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packet) and self.length == other.length


class OwnsNothing(Packet):
    """A packet whose owner nobody can read."""

    @property
    def owner(self) -> object:
        raise ValueError("nobody's")

    @owner.setter
    def owner(self, owner: object) -> None:
        """Take it all the same."""


class Unspeakable:
    """Something that cannot be shown."""

    def __repr__(self) -> str:
        raise ValueError("no words")


class Liar:
    """Something that does not say what it is."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise ValueError("nothing")


class Quarrels:
    """Something that cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("not comparable")

    __hash__ = object.__hash__


def isr_returns(shape: Callable[[tuple[bool, bool, int]], Any]) -> type[Ring6Miniport]:
    """Return a driver whose ISR answers in another form."""

    class Answers(Ring6Miniport):
        def interrupt(self) -> Any:
            return shape(super().interrupt())

    return Answers


def answers(change: Callable[[OidRequest], Status]) -> type[RingMiniport]:
    """Return a driver that answers one query in its own way."""

    class Answers(RingMiniport):
        def query_information(self, request: OidRequest) -> Status:
            return change(request) if request.oid is Oid.GEN_XMIT_OK else super().query_information(request)

    return Answers


def indicates_lists(spoil: Callable[[v6.NetBufferList], object], flags: v6.ReceiveFlag) -> type[Ring6Miniport]:
    """Return a driver that spoils the lists that it indicates."""

    class Spoils(Ring6Miniport):
        def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
            for nbl in nbls:
                spoil(nbl)
            self.ndis.indicate_receive(nbls, 0, flags)

    return Spoils


def returns_lists(spoil: Callable[[v6.NetBufferList], object]) -> type[Station6]:
    """Return a protocol that spoils the lists that it returns."""

    class Spoils(Station6):
        def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
            for nbl in nbls:
                spoil(nbl)
            super().receive_nbls(binding, nbls, port, flags)

    return Spoils


def answered(value: Any) -> Callable[[OidRequest], Status]:
    """Return what answers with a value."""

    def change(request: OidRequest) -> Status:
        request.answered = value
        return Status.SUCCESS

    return change


def too_short(needed: Any) -> Callable[[OidRequest], Status]:
    """Return what asks for more room, in a form of its own."""

    def change(request: OidRequest) -> Status:
        request.needed = needed
        return Status.BUFFER_TOO_SHORT

    return change


def put(name: str, value: Any) -> Callable[[Any], None]:
    """Return what sets an attribute."""
    return lambda item: setattr(item, name, value)


def forget(name: str) -> Callable[[Any], None]:
    """Return what deletes an attribute."""
    return lambda item: delattr(item, name)


ABUSES: Final[dict[str, type]] = {
    "completes copies": completes(copy.copy),
    "completes deep copies": completes(lambda packet: MyPacket(packet.number)),
    "completes wrappers": completes(Wrapper),
    "completes numbers": completes(lambda packet: packet.number),
    "indicates what it sends": indicates(lambda packet: packet),
    "indicates copies": indicates(copy.copy),
    "indicates packets of its own making": indicates(lambda packet: MyPacket(packet.number)),
    "indicates wrappers": indicates(Wrapper),
    "deletes the status": does(forget("status")),
    "deletes the owner": does(forget("owner")),
    "deletes the window": does(forget("window")),
    "deletes the block": does(forget("oob")),
    "sets a foreign owner": does(put("owner", "me")),
    "sets an owner that cannot be compared": does(put("owner", Quarrels())),
    "sets nonsense as length": does(put("length", "long")),
    "completes packets that compare by value": completes(lambda packet: Unhashable(packet.number)),
    "completes packets without an owner": completes(lambda packet: OwnsNothing(packet.number)),
    "completes what was never made": completes(lambda _: Packet.__new__(Packet)),
    "completes what cannot be shown": completes(lambda _: Unspeakable()),
    "completes what lies about itself": completes(lambda _: Liar()),
    "indicates lists without buffers": indicates_lists(put("buffers", []), v6.ReceiveFlag.SINGLE_ETHER_TYPE),
    "indicates lists of nothing": indicates_lists(put("buffers", [None]), v6.ReceiveFlag.SINGLE_VLAN),
    "returns lists without buffers": returns_lists(put("buffers", [])),
    "returns lists of nothing": returns_lists(put("buffers", [None])),
    "deletes the owner of a list": does_to_lists(forget("owner")),
    "deletes the buffers of a list": does_to_lists(forget("buffers")),
    "deletes what NDIS has noted of a list": does_to_lists(put("frame", None)),
    "puts nonsense among buffers": does_to_lists(lambda nbl: setattr(nbl, "buffers", [None])),
    "raises in its completion": RaisesInItsCompletion,
    "raises in its completion of lists": RaisesInItsCompletion6,
    "sends nonsense": SendsNonsense,
}

# What is only seen when the driver has returned, and so has no line.
ANSWERS: Final[dict[str, type]] = {
    "answers its ISR with nothing": isr_returns(lambda _: None),
    "answers its ISR with too little": isr_returns(lambda answer: answer[:2]),
    "answers with nothing": answers(answered(None)),
    "needs no number of bytes": answers(too_short(None)),
}


@pytest.mark.parametrize("driver", ANSWERS.values(), ids=ANSWERS)
def test_an_odd_answer_is_a_named_finding_of_its_driver(driver: type) -> None:
    """The emulation ends as ever, and the verifier has not failed."""
    findings = found_in(driver, "life")
    assert {finding.driver for finding in findings} == {f"{driver.__module__}:{driver.__qualname__}"}
    assert "verifier" not in {finding.rule for finding in findings}


@pytest.mark.parametrize("driver", ABUSES.values(), ids=ABUSES)
def test_an_abuse_is_a_named_finding_with_the_drivers_line(driver: type) -> None:
    """The emulation ends as ever, and the verifier has not failed."""
    findings = found_in(driver, "life")
    assert findings
    assert "verifier" not in {finding.rule for finding in findings}
    named = [finding for finding in findings if "test_abuse.py" in finding.trace + "".join(finding.stack)]
    assert named


class Otherwise(Ring6Miniport):
    """A correct driver whose arguments have other names, and which is equal to every other."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Otherwise)

    __hash__ = None  # type: ignore[assignment]

    def interrupt_dpc(self, *everything: Any) -> None:
        super().interrupt_dpc(*everything)

    def oid_request(self, asked: OidRequest) -> Any:
        return super().oid_request(asked)

    def cancel_send(self, identifier: int) -> None:
        super().cancel_send(identifier)


class OtherwiseAbove(Station6):
    """A correct protocol of the same kind."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OtherwiseAbove)

    def __hash__(self) -> int:
        return 1

    def receive_nbls(self, where: v6.Binding, lists: Sequence[v6.NetBufferList], *rest: int) -> None:
        super().receive_nbls(where, lists, *rest)


@pytest.mark.parametrize(
    ("driver", "exercise"),
    [(Otherwise, "life"), (Otherwise, "cancel"), (OtherwiseAbove, "life"), (OtherwiseAbove, "bound twice")],
)
def test_a_driver_may_call_and_compare_things_as_it_likes(driver: type, exercise: str) -> None:
    """The names of arguments and the equality of drivers are their own business."""
    assert found_in(driver, exercise) == []


class SaysTooMuch(RingMiniport):
    """A wrong driver whose arguments have other names."""

    def query_information(self, r: OidRequest) -> Status:
        status = super().query_information(r)
        r.answered = b""
        return status


def test_a_mistake_is_found_whatever_the_arguments_are_called() -> None:
    """The names that rules know are those of the declaration."""
    assert "oid-query-bytes-set" in {finding.rule for finding in found_in(SaysTooMuch, "life")}


@pytest.mark.parametrize("rule", ["call-argument", "descriptor-whole"])
def test_what_the_border_looks_at_can_be_left_out_too(rule: str) -> None:
    """A rule that is not chosen reports nothing."""
    driver = ABUSES["completes numbers" if rule == "call-argument" else "deletes the owner"]
    for chosen in (True, False):
        verify = Verification([one for one in RULES if chosen or one.id != rule])
        assert (rule in {finding.rule for finding in found_in(driver, "life", verify)}) is chosen
