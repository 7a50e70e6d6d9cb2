"""The rules of protocols, where their pairs do not show it: whose mistake it is, and that the miniport outlives it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import pytest

from ndisemu.drivers.protocols import Station, Station6
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.kernel import Finding
from ndisemu.ndis import Packet, Status, v5, v6
from ndisemu.verifier import Verification
from tests.verifier.exercises import CHECKED, found_in


def first_of(findings: Sequence[Finding], rule: str) -> Finding:
    """Return the first finding of a rule."""
    return next(finding for finding in findings if finding.rule == rule)


def unchained(packet: Packet) -> None:
    """Take a packet's buffers away."""
    packet.chain()


def empty(packet: Packet) -> None:
    """Leave nothing in a packet."""
    packet.resize(0)


@pytest.mark.parametrize(("spoil", "length"), [(unchained, 0), (empty, 0), (lambda packet: packet.resize(13), 13)])
def test_a_packet_without_a_header_is_its_protocols_mistake(spoil: Callable[[Packet], None], length: int) -> None:
    """The miniport fails it, or pads it, and is accused of nothing."""

    class SendsWhatIsNoFrame(Station):
        extra: Sequence[Packet] = ()

        async def bind_adapter(self, context: v5.BindContext) -> Status:
            status = await super().bind_adapter(context)
            binding: Any = self.senders[0]._binding
            self.extra = binding.allocate_packets(1, 60)
            return status

        def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> Any:
            extra, self.extra = self.extra, ()
            for packet in extra:
                spoil(packet)
                binding.send_packets(extra)
            return super().receive_packets(binding, packets)

        def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
            super().send_complete(binding, [packet for packet in packets if packet.protocol_reserved], status)

    (finding,) = found_in(SendsWhatIsNoFrame, "life")
    assert (finding.rule, finding.driver.rpartition(".")[2]) == ("proto-send-wellformed", "SendsWhatIsNoFrame")
    assert f"with a frame of {length} bytes; a frame has a header of 14 at least" in finding.text


def test_a_list_of_an_empty_frame_is_failed_for_its_length() -> None:
    """INVALID_LENGTH is a reason that fits."""

    class SendsNothing(Station6):
        async def bind_adapter(self, context: v6.BindContext) -> Status:
            status = await super().bind_adapter(context)
            self.senders[0]._fill = self.empty
            return status

        def empty(self, nbls: Sequence[v6.NetBufferList], frames: Sequence[bytes]) -> None:
            for nbl in nbls:
                nbl.fill(b"")

    findings = found_in(SendsNothing, "life")
    assert {finding.rule for finding in findings} == {"proto-send-wellformed"}
    assert {finding.driver.rpartition(".")[2] for finding in findings} == {"SendsNothing"}


def test_a_received_list_that_is_emptied_is_found_when_it_is_returned() -> None:
    """Before its miniport takes it for its own."""

    class Empties(Station6):
        def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
            for nbl in nbls:
                nbl.buffers = ()
            super().receive_nbls(binding, nbls, port, flags)

    finding = found_in(Empties, "life")[0]
    assert finding.rule == "descriptor-whole"
    assert finding.driver.endswith("Empties")
    assert "has no NET_BUFFER any more; leave its chain as it is" in finding.text


class FillsTooSoon(Station):
    """It clears its packets as soon as they are sent, and not when they are back."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        status = await super().bind_adapter(context)
        sender: Any = self.senders[0]
        submit = sender._submit

        def send(packets: Sequence[Packet]) -> None:
            submit(packets)
            for packet in packets:
                packet.put(bytes(60))

        sender._submit = send
        return status


class SubmitsItsOwnWay(Station6):
    """What its sender submits goes through `send`."""

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        status = await super().bind_adapter(context)
        sender: Any = self.senders[0]
        sender._submit = partial(self.send, sender._submit)
        return status

    def send(self, submit: Callable[[Sequence[v6.NetBufferList]], None], nbls: Sequence[v6.NetBufferList]) -> None:
        raise NotImplementedError


class SendsEachFrameTwice(SubmitsItsOwnWay):
    """Its lists have two NET_BUFFERs over the same bytes, which the second class clears as soon as they are sent."""

    clears = False

    def send(self, submit: Callable[[Sequence[v6.NetBufferList]], None], nbls: Sequence[v6.NetBufferList]) -> None:
        for nbl in nbls:
            first = nbl.buffers[0]
            nbl.buffers = (first, v6.NetBuffer(nbl, first.mdls, first.data_offset, first.length))
        submit(nbls)
        if self.clears:
            for nbl in nbls:
                nbl.buffers[0].fill(bytes(nbl.buffers[0].length))


class ClearsTheFirst(SendsEachFrameTwice):
    """It clears them in between."""

    clears = True


@pytest.mark.parametrize(
    ("driver", "rules"),
    [
        (SendsEachFrameTwice, set()),
        (ClearsTheFirst, {"send-content-exact", "send-data-unmodified", "proto-touch-after-send"}),
    ],
)
def test_each_frame_of_a_list_is_compared(driver: type, rules: set[str]) -> None:
    """Not only where a list has one."""
    findings = found_in(driver, "traffic")
    assert {finding.rule for finding in findings if finding.driver.endswith(driver.__name__)} == rules
    assert [finding.text for finding in findings if not finding.driver.endswith(driver.__name__)] == []


class WritesBesideItsSends(Ring6Miniport):
    """It clears what it has lent."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        super().indicate(nbls)
        for nbl in nbls:
            nbl.buffers[0].fill(bytes(60))


UNSEEN: Final = Verification()


@pytest.mark.parametrize(
    ("driver", "exercise", "rules", "verify", "names"),
    [
        (FillsTooSoon, "life", ("send-content-exact", "send-data-unmodified"), CHECKED, "{}"),
        (FillsTooSoon, "life", ("send-content-exact", "send-data-unmodified"), UNSEEN, "RingMiniport or {}"),
        (WritesBesideItsSends, "slow client", ("rx-payload-unmodified",), CHECKED, "{}"),
        (WritesBesideItsSends, "slow client", ("rx-payload-unmodified",), UNSEEN, "{} or Station6"),
    ],
)
def test_bytes_that_change_in_between_are_laid_to_whoever_changed_them(
    driver: type, exercise: str, rules: Sequence[str], verify: Verification, names: str
) -> None:
    """Where that was not seen both are named, and neither is accused alone."""
    findings = found_in(driver, exercise, verify)
    for rule in rules:
        named = first_of(findings, rule).driver
        short = " or ".join(name.rpartition(":")[2] for name in named.split(" or "))
        assert short == names.format(driver.__qualname__)


class SendsInLists(SubmitsItsOwnWay):
    """It sends three frames in a list, of which the second is something else."""

    @staticmethod
    def instead(_chain: Sequence[v6.NetBuffer]) -> object:
        return None

    def send(self, submit: Callable[[Sequence[v6.NetBufferList]], None], nbls: Sequence[v6.NetBufferList]) -> None:
        for nbl in nbls:
            frame = nbl.buffers[0]
            chain: list[Any] = [v6.NetBuffer(nbl, frame.mdls, frame.data_offset, frame.length) for _ in range(3)]
            chain[1] = self.instead(chain)
            nbl.buffers = chain
        submit(nbls)


class SendsTheFirstTwice(SendsInLists):
    """It is the first again."""

    @staticmethod
    def instead(_chain: Sequence[v6.NetBuffer]) -> object:
        return _chain[0]


@pytest.mark.parametrize(
    ("driver", "text"),
    [
        (SendsInLists, "with None in it, which is no NET_BUFFER"),
        (SendsTheFirstTwice, "with one NET_BUFFER in it twice; a frame is in one list, once"),
    ],
)
def test_a_list_has_frames_and_each_once(driver: type, text: str) -> None:
    """It is the protocol that is told first, whatever the miniport makes of it."""
    finding = found_in(driver, "traffic")[0]
    assert (finding.rule, finding.driver.endswith(driver.__name__)) == ("proto-send-wellformed", True)
    assert text in finding.text
