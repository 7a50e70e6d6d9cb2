"""Serialized sends against a model: whatever a driver answers and whenever it completes, the rules of 5.2 hold."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from hypothesis import given, settings, strategies as st

from ndisemu.ndis import Packet, PacketFlag, Status, v5
from ndisemu.ndis.v5.adapter import PacketAdapter
from ndisemu.ndis.v5.sendqueue import SendQueue
from ndisemu.ndis.v5.serialized import SerializedSends
from tests.ndis.conftest import Bench, Mini, Peer, frame, on_bench
from tests.ndis.sendstyles import Send

PACKETS: Final = 24
SENT: Final = (Status.SUCCESS, Status.FAILURE)
GAVE_UP: Final = Status.REQUEST_ABORTED


class Model(Mini):
    """Answers by the book it is given, and checks what NDIS does as the gate and the order demand."""

    deserialized = False

    def __init__(self, answers: Sequence[tuple[Status, bool]], most: int) -> None:
        super().__init__()
        self.answers = list(answers)
        self.most = most
        self.turn = 0
        self.held: list[Packet] = []
        self.given: list[int] = []
        self.back: list[int] = []
        self.gate_open = True

    def take_in(self, packets: Sequence[Packet]) -> list[Status]:
        """Answer an array, completing an older packet meanwhile where the book says so."""
        assert self.gate_open
        assert len(packets) <= self.most
        numbers = [packet.serial for packet in packets]
        # What was given back comes first, in its order; everything else is new and later.
        again = self.back[: len(numbers)]
        assert numbers[: len(again)] == again
        self.back = self.back[len(again) :]
        new = numbers[len(again) :]
        assert new == sorted(new)
        assert not self.given or not new or new[0] > self.given[-1]
        self.given += new
        return self.answer_each(packets)

    def answer_each(self, packets: Sequence[Packet]) -> list[Status]:
        """Answer packet by packet up to the first RESOURCES."""
        event = False
        given = []
        for place, packet in enumerate(packets):
            answer, completes = self.answers[self.turn % len(self.answers)]
            self.turn += 1
            if completes and self.held:
                event = True
                self.finish(0)
            given.append(answer)
            if answer is Status.RESOURCES:
                self.back = [other.serial for other in packets[place:]] + self.back
                self.gate_open = event
                break
            if answer is Status.PENDING:
                self.held.append(packet)
        return given

    def finish(self, place: int, status: Status = Status.SUCCESS) -> None:
        """Complete one of those it has."""
        if self.held:
            self.gate_open = True
            self.ndis.send_complete(self.held.pop(place % len(self.held)), status)

    def make_room(self) -> None:
        """Take an earlier RESOURCES back."""
        self.gate_open = True
        self.ndis.send_resources_available()

    def cancel_send_packets(self, cancel_id: int) -> None:
        mine = [place for place, packet in enumerate(self.held) if packet.cancel_id == cancel_id]
        for place in reversed(mine):
            self.finish(place, GAVE_UP)


class ModelArrays(Model):
    """MiniportSendPackets."""

    def send_packets(self, packets: Sequence[Packet]) -> Send:
        for packet, answer in zip(packets, self.take_in(packets), strict=False):
            packet.status = answer
        return None


class ModelSingles(Model):
    """MiniportSend."""

    send_packets = v5.Miniport.send_packets

    def send(self, packet: Packet, flags: PacketFlag) -> Send:
        return self.take_in([packet])[0]


class Ledger(Peer):
    """Counts how often each packet comes back, and that it is never RESOURCES."""

    def __init__(self, name: str) -> None:
        super().__init__(name, packets=PACKETS)
        self.ends: Counter[Packet] = Counter()
        self.sent_packets: list[Packet] = []

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        self.ends.update(packets)
        assert status in {*SENT, GAVE_UP}

    def send_some(self, count: int, cancel_id: int) -> None:
        """Send an array, or one packet by NdisSend where it is one."""
        first = len(self.sent_packets)
        chosen = self.packets[first : first + count]
        self.sent_packets += chosen
        for packet in chosen:
            packet.fill(frame(first))
            packet.cancel_id = cancel_id
        if len(chosen) != 1:
            self.binding.send_packets(chosen)
        elif (status := self.binding.send(chosen[0])) is not Status.PENDING:
            assert status in SENT
            self.ends[chosen[0]] += 1


ANSWERS: Final = st.lists(
    st.tuples(
        st.sampled_from([Status.PENDING, Status.PENDING, Status.RESOURCES, *SENT]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)
STEPS: Final = st.lists(
    st.tuples(st.sampled_from(["send", "send", "complete", "room", "cancel"]), st.integers(0, 5), st.booleans()),
    max_size=30,
)


async def walk(bench: Bench, miniport: Model, steps: Sequence[tuple[str, int, bool]]) -> list[Ledger]:
    """Let protocols and driver do what the steps say, then let everything end."""
    one = Ledger("one")
    await bench.pair(miniport, one)
    two = Ledger("two")
    await bench.bind(one.binding.adapter, two)
    for what, number, odd in steps:
        ledger = two if odd else one
        actions: dict[str, Callable[[], object]] = {
            "send": partial(ledger.send_some, number, 1 + number % 2),
            "complete": partial(miniport.later, "from a DPC", partial(miniport.finish, number)),
            "room": partial(miniport.later, "from a timer", miniport.make_room),
            "cancel": partial(give_up, miniport, ledger, 1 + number % 2),
        }
        await bench.passive(actions[what], cpu=number % 2)
    await bench.pass_time()
    # Nothing waits behind an open gate.
    assert not (miniport.gate_open and queue_of(one).packets)
    miniport.answers = [(Status.SUCCESS, False)]
    await bench.passive(lambda: miniport.later("from a DPC", miniport.make_room))
    await bench.pass_time()
    while miniport.held:
        await bench.passive(lambda: miniport.later("from a DPC", lambda: miniport.finish(0)))
        await bench.pass_time()
    return [one, two]


def queue_of(ledger: Ledger) -> SendQueue:
    """Return NDIS's queue below a protocol."""
    adapter = ledger.binding.adapter
    assert isinstance(adapter, PacketAdapter)
    assert isinstance(adapter.sends, SerializedSends)
    return adapter.sends.queue


def give_up(miniport: Model, ledger: Ledger, cancel_id: int) -> None:
    """Cancel, and tell the model which packets of NDIS's queue go with it."""
    # The call is a preemption point; what it would let in has its turn before the model looks.
    ledger.binding.adapter.running_cpu("a test").preempt()
    waiting = queue_of(ledger).packets
    gone = [packet.serial for packet in waiting if packet.binding is ledger.binding and packet.cancel_id == cancel_id]
    miniport.back = [number for number in miniport.back if number not in gone]
    ledger.binding.cancel_sends(cancel_id)


@given(st.sampled_from([ModelArrays, ModelSingles]), ANSWERS, st.integers(1, 5), STEPS)
@settings(max_examples=150)
def test_every_packet_is_completed_once_and_given_in_order(
    driver: type[Model], answers: list[tuple[Status, bool]], most: int, steps: list[tuple[str, int, bool]]
) -> None:
    """Each packet ends exactly once and never with RESOURCES; the miniport gets them in order, and none through a shut gate."""

    @on_bench
    async def check(bench: Bench) -> None:
        miniport = driver(answers, most)
        ledgers = await walk(bench, miniport, steps)
        for ledger in ledgers:
            assert ledger.ends == Counter(ledger.sent_packets)
            assert [packet.owner for packet in ledger.packets] == [ledger.binding] * PACKETS
            assert ledger.binding.sends_pending == 0
        sends = ledgers[0].binding.adapter.sends
        assert sends.submitted == sum(len(ledger.sent_packets) for ledger in ledgers)
        assert sends.submitted == sends.completed + sends.failed + sends.cancelled
        assert ledgers[0].binding.adapter.device.dma.mapped == {}

    check()
