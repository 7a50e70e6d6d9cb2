"""The fields of a packet or list that are another's, where the pairs do not show it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ndisemu.drivers.protocols import Station, Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.ndis import Packet, Status, v5, v6
from tests.verifier.exercises import found_in


def sends_and(act: Callable[[Packet], object]) -> type[Station]:
    """Return a protocol that does something to each packet that it has sent."""

    class SendsAnd(Station):
        async def bind_adapter(self, context: v5.BindContext) -> Status:
            status = await super().bind_adapter(context)
            sender = self.senders[0]
            submit = sender._submit

            def send(packets: Sequence[Packet]) -> None:
                mine = tuple(packets)
                submit(packets)
                for packet in mine:
                    act(packet)

            sender._submit = send
            return status

    return SendsAnd


def puts(field: str, value: Any) -> Callable[[Packet], object]:
    """Return what sets a field, `oob.` before those of the block beside a packet."""

    def put(packet: Packet) -> None:
        part, _, name = field.rpartition(".")
        setattr(getattr(packet, part) if part else packet, name, value)

    return put


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("oob.time_to_send", 5, "proto-touch-after-send"),
        ("flags", 0, "proto-touch-after-send"),
        ("cancel_id", 9, "proto-touch-after-send"),
        ("ieee8021q", 0, "proto-touch-after-send"),
        ("miniport_reserved", "mine", "send-reserved-fields"),
        ("serial", 5, "handle-opaque"),
    ],
)
def test_what_was_sent_is_the_miniports(field: str, value: Any, rule: str) -> None:
    """All of it, beside the packet too."""
    assert {finding.rule for finding in found_in(sends_and(puts(field, value)), "traffic")} == {rule}


class Describes(RingMiniport):
    """It rounds up the lengths of packets that it is to send, and thinks better of it."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            length, packet.length = packet.length, packet.length + 3 & ~3
            packet.length = length
        await super().send_packets(packets)


def test_a_miniport_leaves_what_it_is_to_send_as_it_is() -> None:
    """Also where it sends the right bytes all the same."""
    assert {finding.rule for finding in found_in(Describes, "traffic")} == {"send-data-unmodified"}


class NumbersItsLists(Station6):
    """It keeps a number of its own where the miniport keeps its."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        for place, nbl in enumerate(nbls):
            nbl.miniport_reserved = place
        super().receive_nbls(binding, nbls, port, flags)


def test_what_is_reserved_for_miniports_stays_theirs_in_a_protocols_hands() -> None:
    """It is lent with the list, and not given."""
    found = found_in(NumbersItsLists, "traffic")
    assert {finding.rule for finding in found} == {"send-reserved-fields"}
    assert found[0].text.startswith("near wrote NetBufferList.miniport_reserved of nbl#")
