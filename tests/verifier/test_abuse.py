"""Whatever a driver does to packets, lists and calls: a named finding with its line, and never a failure of ours."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from ndisemu.drivers.protocols import Station, Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Packet, Status, v5, v6
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
    "sets a foreign owner": does(lambda packet: setattr(packet, "owner", "me")),
    "sets nonsense as length": does(lambda packet: setattr(packet, "length", "long")),
    "deletes the owner of a list": does_to_lists(forget("owner")),
    "deletes the buffers of a list": does_to_lists(forget("buffers")),
    "puts nonsense among buffers": does_to_lists(lambda nbl: setattr(nbl, "buffers", [None])),
    "raises in its completion": RaisesInItsCompletion,
    "raises in its completion of lists": RaisesInItsCompletion6,
    "sends nonsense": SendsNonsense,
}


@pytest.mark.parametrize("driver", ABUSES.values(), ids=ABUSES)
def test_an_abuse_is_a_named_finding_with_the_drivers_line(driver: type) -> None:
    """The emulation ends as ever, and the verifier has not failed."""
    findings = found_in(driver, "life")
    assert findings
    assert "verifier" not in {finding.rule for finding in findings}
    named = [finding for finding in findings if "test_abuse.py" in finding.trace + "".join(finding.stack)]
    assert named
