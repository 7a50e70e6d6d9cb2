"""The small call manager: what it refuses, what it waits for, and what others may send it."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st

from ndisemu import Emulation, run
from ndisemu.drivers.protocols import Flow, SignallingManager, Talk, Talker
from ndisemu.drivers.protocols.signalling import FAMILY, Dialled
from ndisemu.drivers.protocols.signalling.call import Call, Where
from ndisemu.drivers.protocols.signalling.manager import FIRST_VLAN, LAST_VLAN
from ndisemu.drivers.protocols.signalling.messages import ETHERTYPE, LONGEST, Kind, Message
from ndisemu.drivers.vc import VcMiniport
from ndisemu.frame.ethernet import MIN_FRAME
from ndisemu.kernel import run_passive
from ndisemu.machine import Slot
from ndisemu.ndis import Status, co

SAP: Final = co.CoSap(1, b"talk")
PATIENCE: Final = 1_000_000
STRANGER: Final = b"\x02\x00\x00\x00\x07\x07"


class Listener(Talker):
    """A client that takes calls, and may think about them for ever."""

    def __init__(self, name: str, notes: tuple[bytes, ...] = (b"one",), *, sap: co.CoSap = SAP) -> None:
        super().__init__(name, FAMILY, sap, {note: Talk(Flow(name)) for note in notes})
        self.thinks = False
        self.offered: list[co.ClientVc] = []
        self.hung_up: list[Status] = []

    def cl_incoming_call(self, sap: co.ClientSap, vc: co.ClientVc, parameters: co.CallParameters) -> Status:
        """Take it, or think."""
        self.offered.append(vc)
        status = super().cl_incoming_call(sap, vc, parameters)
        return Status.PENDING if self.thinks else status

    def cl_incoming_close_call(self, vc: co.ClientVc, status: Status, data: bytes) -> None:
        """Note why."""
        self.hung_up.append(status)
        super().cl_incoming_close_call(vc, status, data)


class Caller(Talker):
    """A client that makes one call, to whomever."""

    def __init__(self, dialled: Dialled) -> None:
        super().__init__(
            "caller", FAMILY, co.CoSap(1, dialled.sap), {dialled.note: Talk(Flow("caller"))}, calls=dialled.station
        )

    @property
    def statuses(self) -> list[Status]:
        """How the calls stand."""
        return [line.status for line in self.lines.values()]


class Pair:
    """Two hosts with call managers, and a listener on the second."""

    def __init__(self, emu: Emulation) -> None:
        self.emu = emu
        self.a, self.b = (emu.host(name).nic("eth0", VcMiniport) for name in "ab")
        emu.connect(self.a, self.b, delay="5us")
        self.managers = [SignallingManager(f"manager {name}", patience=PATIENCE) for name in "ab"]
        self.listener = Listener("listener")

    async def bind(self) -> None:
        """Bind the call managers and the listener."""
        for slot, manager in zip((self.a, self.b), self.managers, strict=True):
            await slot.host.bind_circuits("eth0", manager)
        await self.b.host.bind_circuits("eth0", self.listener)
        await self.emu.idle()

    async def call(self, dialled: Dialled) -> Caller:
        """Make a call from the first host, and wait until nothing happens any more."""
        caller = Caller(dialled)
        await self.a.host.bind_circuits("eth0", caller)
        await self.on(self.a, caller.start)
        await self.emu.idle()
        return caller

    async def on(self, slot: Slot, routine: Callable[[], object]) -> None:
        """Call `routine` on a host."""
        await run_passive(routine, slot.host.cpus[0])


def paired(test: Callable[[Pair], Coroutine[Any, Any, None]]) -> None:
    """Run a test on a `Pair`, in which nothing may be found."""

    async def main() -> None:
        async with Emulation(seed=4) as emu:
            pair = Pair(emu)
            await pair.bind()
            await test(pair)
        assert emu.findings == []
        assert [manager.calls for manager in pair.managers] == [{}, {}]

    run(main())


@pytest.mark.parametrize(
    ("sap", "note", "status"),
    [
        (b"talk", b"one", Status.SUCCESS),
        (b"talk", b"two", Status.NOT_ACCEPTED),
        (b"else", b"one", Status.INVALID_SAP),
        (b"talk", bytes(LONGEST), Status.INVALID_ADDRESS),
    ],
)
def test_a_call_is_taken_or_refused_with_a_reason(sap: bytes, note: bytes, status: Status) -> None:
    """The status with which the other side refuses is the one that the caller gets."""

    async def test(pair: Pair) -> None:
        caller = await pair.call(Dialled(pair.b.nic.mac, sap, note))
        assert caller.statuses == [status]
        assert caller.failed == (status is not Status.SUCCESS)
        refused = status in {Status.NOT_ACCEPTED, Status.INVALID_SAP}
        assert [manager.refused for manager in pair.managers] == [0, int(refused)]

    paired(test)


def test_a_call_to_nobody_times_out() -> None:
    """After the patience of the call manager, and no later."""

    async def test(pair: Pair) -> None:
        caller = await pair.call(Dialled(STRANGER, b"talk", b"one"))
        assert caller.statuses == [Status.DEST_OUT_OF_ORDER]
        assert (pair.managers[0].timed_out, PATIENCE <= pair.emu.now < 2 * PATIENCE) == (1, True)

    paired(test)


def test_a_caller_that_never_says_that_it_is_connected_is_given_up() -> None:
    """The client is told to hang up, and the other side's silence about that does not matter either."""

    async def test(pair: Pair) -> None:
        data = Dialled(pair.b.nic.mac, b"talk", b"one").encode()
        manager = pair.managers[1]
        await pair.on(pair.b, lambda: manager.act(STRANGER, Message(Kind.SETUP, 9, data=data)))
        await pair.emu.idle()
        assert (pair.listener.hung_up, manager.timed_out, manager.calls) == ([Status.DEST_OUT_OF_ORDER], 1, {})

    paired(test)


@pytest.mark.parametrize("answer", [Status.SUCCESS, Status.NOT_ACCEPTED])
def test_a_caller_may_give_up_while_the_client_thinks(answer: Status) -> None:
    """The call that the client then takes is closed at once; the one it does not take just goes."""

    async def test(pair: Pair) -> None:
        pair.listener.thinks = True
        caller = await pair.call(Dialled(pair.b.nic.mac, b"talk", b"one"))
        assert caller.statuses == [Status.DEST_OUT_OF_ORDER]
        manager, vc = pair.managers[1], pair.listener.offered[0]
        await pair.on(pair.b, lambda: manager.act(pair.a.nic.mac, Message(Kind.RELEASE, vc.vc.manager.context.vlan)))
        await pair.on(pair.b, lambda: vc.incoming_call_complete(answer))
        await pair.emu.idle()
        assert manager.calls == {}
        assert pair.listener.hung_up == [Status.SUCCESS] * (answer is Status.SUCCESS)
        for line in pair.listener.lines.values():
            # The circuit of a call that was refused has been deleted by who made it.
            line.vc = None

    paired(test)


def test_an_accepted_call_that_is_not_known_any_more_is_released() -> None:
    """A late ACCEPT is answered with RELEASE, a RELEASE always with RELEASED, the rest not at all."""

    async def test(pair: Pair) -> None:
        manager, said = pair.managers[0], list[tuple[bytes, Message]]()
        send = manager.messenger.send
        manager.messenger.send = lambda peer, message: said.append((peer, message))  # type: ignore[method-assign]
        for kind in (Kind.ACCEPT, Kind.RELEASE, Kind.RELEASED, Kind.REFUSE, Kind.CONNECTED):
            manager.act(STRANGER, Message(kind, 77))
        manager.messenger.send = send  # type: ignore[method-assign]
        assert said == [(STRANGER, Message(Kind.RELEASE, 77)), (STRANGER, Message(Kind.RELEASED, 77))]

    paired(test)


def test_a_vlan_that_is_taken_is_no_new_call() -> None:
    """A second SETUP for it is refused, and changes nothing about the first."""

    async def test(pair: Pair) -> None:
        caller = await pair.call(Dialled(pair.b.nic.mac, b"talk", b"one"))
        manager = pair.managers[1]
        (vlan,) = manager.calls
        data = Dialled(pair.b.nic.mac, b"talk", b"two").encode()
        await pair.on(pair.b, lambda: manager.act(STRANGER, Message(Kind.SETUP, vlan, data=data)))
        await pair.on(pair.b, lambda: manager.act(STRANGER, Message(Kind.CONNECTED, vlan)))
        await pair.emu.idle()
        assert (manager.refused, caller.statuses) == (1, [Status.SUCCESS])

    paired(test)


def test_a_sap_is_one_clients() -> None:
    """The second one to ask for it gets none, and an empty one is none."""

    async def test(pair: Pair) -> None:
        for sap in (SAP, co.CoSap(1, b"")):
            other = Listener("other", sap=sap)
            await pair.b.host.bind_circuits("eth0", other)
            await pair.emu.idle()
            assert other._sap is None
        assert len(pair.managers[1].saps) == 1

    paired(test)


def test_both_stations_choose_from_their_own_half() -> None:
    """Two calls at once never want the same VLAN, and there are so many and no more."""

    async def test(pair: Pair) -> None:
        (a, b), macs = pair.managers, (pair.a.nic.mac, pair.b.nic.mac)
        first = a.choose_vlan(macs[1]), b.choose_vlan(macs[0])
        assert first == (FIRST_VLAN, FIRST_VLAN + 1)
        taken = Call(FIRST_VLAN, STRANGER, Where.CONNECTED)
        a.calls = dict.fromkeys(range(FIRST_VLAN, LAST_VLAN + 1, 2), taken)
        assert (a.choose_vlan(macs[1]), a.choose_vlan(b"\0" * 6)) == (None, FIRST_VLAN + 1)
        a.calls = {}

    paired(test)


@given(
    st.sampled_from(Kind), st.integers(0, 0xFFFF), st.sampled_from(Status), st.binary(max_size=LONGEST), st.booleans()
)
def test_a_message_survives_its_frame(kind: Kind, vlan: int, status: Status, data: bytes, padded: bool) -> None:
    """Also when the card has padded it."""
    message = Message(kind, vlan, status, data)
    sent = message.frame(STRANGER, STRANGER)
    assert Message.parse(sent.ljust(MIN_FRAME, b"\0") if padded else sent) == message


@given(st.binary(max_size=80), st.booleans())
def test_any_frame_is_a_message_or_none(data: bytes, ours: bool) -> None:
    """Whatever comes from the cable, nothing raises, and only our EtherType counts."""
    found = Message.parse(12 * b"\2" + (ETHERTYPE if ours else b"\x08\x00") + data)
    assert ours or found is None


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=1, max_size=20), st.binary(max_size=30))
def test_what_is_dialled_is_what_is_called(station: bytes, sap: bytes, note: bytes) -> None:
    """A note is whatever is left."""
    dialled = Dialled(station, sap, note)
    assert Dialled.decode(dialled.encode()) == dialled


@given(st.binary(max_size=300))
def test_any_bytes_are_a_number_or_none(data: bytes) -> None:
    """What a client dials may be anything."""
    dialled = Dialled.decode(data)
    assert dialled is None or dialled.encode() == data
