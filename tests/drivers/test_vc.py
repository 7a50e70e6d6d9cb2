"""The connection-oriented driver: tags on the cable and none above it, circuits apart, and nothing left behind."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import pytest

from ndisemu import Emulation, run
from ndisemu.drivers.i8254x.circuit import LINE_RATE
from ndisemu.drivers.i8254x.vlan import Tagged, restore, untag
from ndisemu.drivers.vc import VcMiniport
from ndisemu.frame.ethernet import BROADCAST
from ndisemu.kernel import DISPATCH, run_passive
from ndisemu.machine import Slot
from ndisemu.ndis import Mdl, Oid, Packet, Status, co
from ndisemu.ndis.co.states import VcState
from tests.drivers.conftest import FROM_A, TO_B, frame

SIZE: Final = 2048


class Wirer(co.CallManager):
    """A call manager that has signalling circuits only, and notes what happens on them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.binding: co.CoBinding
        self.packets: list[Packet] = []
        self.received: list[tuple[object, bytes]] = []
        self.held: list[Packet] = []
        self.kept = 0
        self.completed: list[tuple[Packet, Status]] = []
        self.deactivated: list[Status] = []

    async def bind_adapter(self, context: co.BindContext) -> Status:
        """Open the adapter and make packets."""
        self.binding = context.open_adapter()
        self.packets = self.binding.allocate_packets(64, SIZE)
        return Status.SUCCESS

    async def unbind_adapter(self, binding: co.CoBinding) -> None:
        """Leave everything to NDIS, which says so."""
        if self.held:
            binding.return_packets(self.held)
        await binding.close()

    def co_send_complete(self, vc: co.VcEnd, packets: Sequence[Packet], status: Status) -> None:
        """Note the completion."""
        self.completed += [(packet, status) for packet in packets]

    def co_receive_packets(self, vc: co.VcEnd, packets: Sequence[Packet]) -> int:
        """Note the frames."""
        self.received += [(vc.context, packet.read()) for packet in packets]
        if self.kept:
            self.held += packets
        return self.kept

    def cm_deactivate_vc_complete(self, vc: co.CallManagerVc, status: Status) -> None:
        """Note it."""
        self.deactivated.append(status)


def on_vlan(vlan: int, *, peak: int | None = None) -> co.CallParameters:
    """Make the parameters of a circuit."""
    flow = co.FlowSpec() if peak is None else co.FlowSpec(peak_bandwidth=peak)
    manager = co.CallManagerParameters(transmit=flow)
    return co.CallParameters(manager=manager, media=co.MediaParameters(specific=vlan.to_bytes(2, "big")))


class Wire:
    """Two hosts with the driver, and a `Wirer` on each; `tagged` is what leaves the first card."""

    def __init__(self, emu: Emulation) -> None:
        self.emu = emu
        self.a, self.b = (emu.host(name).nic("eth0", VcMiniport) for name in "ab")
        self.cable = emu.connect(self.a, self.b)
        self.sender, self.receiver = Wirer("sender"), Wirer("receiver")
        self.tagged: list[bytes] = []
        self.a.nic.tx.sent = lambda frames, _: self.tagged.extend(frames)

    async def bind(self) -> None:
        """Bind both."""
        for slot, wirer in ((self.a, self.sender), (self.b, self.receiver)):
            await slot.host.bind_circuits("eth0", wirer)

    async def dispatch(self, slot: Slot, routine: Callable[[], object]) -> object:
        """Call `routine` at DISPATCH_LEVEL, and let what follows happen."""
        cpu, result = slot.host.cpus[0], list[object]()

        def raised() -> None:
            before = cpu.raise_irql(DISPATCH)
            result.append(routine())
            cpu.lower_irql(before)

        await run_passive(raised, cpu)
        await asyncio.sleep(1e-3)
        return result[0]

    async def circuit(self, slot: Slot, vlan: int, parameters: co.CallParameters | None = None) -> co.CallManagerVc:
        """Create a circuit and activate it, which must succeed."""
        wirer = self.sender if slot is self.a else self.receiver
        made: list[co.CallManagerVc] = []

        def make() -> Status:
            status, vc = wirer.binding.create_vc(vlan)
            assert vc is not None, status
            made.append(vc)
            return vc.activate(parameters or on_vlan(vlan))

        assert await self.dispatch(slot, make) is Status.SUCCESS
        return made[0]

    async def send(self, vc: co.CallManagerVc, *frames: bytes) -> None:
        """Send frames from the first host."""
        packets = self.sender.packets[: len(frames)]
        for packet, data in zip(packets, frames, strict=True):
            packet.fill(data)
        await self.dispatch(self.a, lambda: vc.send_packets(packets))


def on_wire(test: Callable[[Wire], Awaitable[None]]) -> Callable[[], None]:
    """Run a test on a `Wire`; NDIS may find that circuits were left open."""

    @functools.wraps(test)
    def wrapper() -> None:
        async def main() -> None:
            async with Emulation(seed=2) as emu:
                wire = Wire(emu)
                await wire.bind()
                await test(wire)
            assert {finding.rule for finding in emu.findings} <= {"co-af-close-order"}

        run(main())

    wrapper.__dict__.pop("__wrapped__")
    return wrapper


@on_wire
async def test_each_circuit_has_its_tag_on_the_cable_and_none_above(wire: Wire) -> None:
    """The tag stands behind the addresses; both ends see the plain frame, each on its own circuit."""
    vlans = (2, 300, 4094)
    ends = [await wire.circuit(wire.a, vlan) for vlan in vlans]
    for vlan in vlans:
        await wire.circuit(wire.b, vlan)
    for number, vc in enumerate(ends):
        await wire.send(vc, frame(number, length=100), frame(number + 10, length=1514))
    assert wire.receiver.received == [
        (vlan, frame(number + more, length=length))
        for number, vlan in enumerate(vlans)
        for more, length in ((0, 100), (10, 1514))
    ]
    plain = frame(1, length=100)
    assert wire.tagged[2] == plain[:12] + b"\x81\x00\x01\x2c" + plain[12:]
    assert {status for _, status in wire.sender.completed} == {Status.SUCCESS}


@on_wire
async def test_what_belongs_to_no_circuit_goes_back_into_the_ring(wire: Wire) -> None:
    """Frames without a tag, and those of circuits that are not active here, are lost, and no buffer with them."""
    vc, _ = await wire.circuit(wire.a, 5), await wire.circuit(wire.b, 6)
    miniport = wire.b.adapter.miniport
    assert isinstance(miniport, VcMiniport)
    before = sum(miniport.rx.books)
    await wire.send(vc, *(frame(number, length=90) for number in range(40)))
    wire.cable.a.transmit([frame(1), frame(2)])
    await wire.emu.idle()
    assert (wire.receiver.received, sum(miniport.rx.books)) == ([], before)


@on_wire
async def test_frames_for_others_never_come_in(wire: Wire) -> None:
    """The card lets in what is for this station alone."""
    vc, _ = await wire.circuit(wire.a, 5), await wire.circuit(wire.b, 5)
    await wire.send(vc, frame(1, to=BROADCAST), frame(2, to=FROM_A), frame(3))
    assert wire.receiver.received == [(5, frame(3))]


@pytest.mark.parametrize("parameters", [on_vlan(0), on_vlan(4095), on_vlan(7), on_vlan(8, peak=LINE_RATE + 1)])
def test_what_the_driver_cannot_do_is_refused(parameters: co.CallParameters) -> None:
    """No VLAN or a reserved one, one that is taken, or more than the cable carries: INVALID_DATA."""

    @on_wire
    async def test(wire: Wire) -> None:
        await wire.circuit(wire.a, 7)
        vc = await wire.circuit(wire.a, 6)
        await wire.dispatch(wire.a, vc.deactivate)
        assert await wire.dispatch(wire.a, lambda: vc.activate(parameters)) is Status.INVALID_DATA
        assert await wire.dispatch(wire.a, lambda: vc.activate(on_vlan(8, peak=LINE_RATE))) is Status.SUCCESS

    test()


@on_wire
async def test_an_active_circuit_can_move_to_another_vlan(wire: Wire) -> None:
    """It leaves its old one to others; where the new one is taken it stays where it is."""
    first, second = await wire.circuit(wire.a, 7), await wire.circuit(wire.a, 8)
    assert await wire.dispatch(wire.a, lambda: first.activate(on_vlan(8))) is Status.INVALID_DATA
    await wire.circuit(wire.b, 7)
    await wire.send(first, frame(1))
    assert await wire.dispatch(wire.a, lambda: first.activate(on_vlan(9))) is Status.SUCCESS
    assert await wire.dispatch(wire.a, lambda: second.activate(on_vlan(7))) is Status.SUCCESS
    await wire.send(second, frame(2))
    assert wire.receiver.received == [(7, frame(1)), (7, frame(2))]


@on_wire
async def test_a_deactivation_waits_for_packets_that_are_kept(wire: Wire) -> None:
    """Nothing is indicated meanwhile, and the VLAN is free for others."""
    vc, other = await wire.circuit(wire.a, 5), await wire.circuit(wire.b, 5)
    wire.receiver.kept = 1
    await wire.send(vc, frame(1))
    assert await wire.dispatch(wire.b, other.deactivate) is Status.PENDING
    await wire.send(vc, frame(2))
    assert (wire.receiver.deactivated, len(wire.receiver.received)) == ([], 1)
    held, wire.receiver.held = wire.receiver.held, []
    await wire.dispatch(wire.b, lambda: wire.receiver.binding.return_packets(held))
    assert (wire.receiver.deactivated, other.vc.state.current) == ([Status.SUCCESS], VcState.CREATED)
    assert await wire.dispatch(wire.b, lambda: other.activate(on_vlan(5))) is Status.SUCCESS


@on_wire
async def test_frames_of_a_wrong_length_fail(wire: Wire) -> None:
    """The others of their array are sent."""
    vc, _ = await wire.circuit(wire.a, 5), await wire.circuit(wire.b, 5)
    await wire.send(vc, frame(1), frame(2, length=1515), frame(3, length=13), frame(4))
    assert dict(wire.sender.completed) == {
        wire.sender.packets[place]: status
        for place, status in enumerate((Status.SUCCESS, Status.INVALID_LENGTH, Status.INVALID_LENGTH, Status.SUCCESS))
    }
    assert [data for _, data in wire.receiver.received] == [frame(1), frame(4)]


@on_wire
async def test_the_connection_oriented_objects_are_answered(wire: Wire) -> None:
    """Speeds are pairs, and what is on its way is told for a circuit or for all."""
    vc = await wire.circuit(wire.a, 5)
    wire.cable.unplug()
    await wire.send(vc, frame(1, length=100))

    async def ask(oid: Oid, end: co.VcEnd | None = None) -> bytes:
        request = co.CoRequest.query(oid, 16)
        assert isinstance(request, co.CoRequest)
        assert await wire.dispatch(wire.a, lambda: wire.sender.binding.co_request(request, end)) is Status.SUCCESS
        return request.answered

    assert await ask(Oid.GEN_LINK_SPEED) == 2 * (10_000_000).to_bytes(4, "little")
    outstanding = [await ask(Oid.GEN_CO_BYTES_XMIT_OUTSTANDING, end) for end in (None, vc)]
    assert outstanding == [(100).to_bytes(4, "little")] * 2
    refused = co.CoRequest.set(Oid.GEN_LINK_SPEED, bytes(8))
    assert isinstance(refused, co.CoRequest)
    request = wire.sender.binding.co_request
    assert await wire.dispatch(wire.a, lambda: request(refused)) is Status.NOT_SUPPORTED
    wire.emu.kernel.submit(lambda: wire.cable.plug(wire.a.nic, wire.b.nic))


@pytest.mark.parametrize("lengths", [(60,), (12, 48), (6, 6, 48), (3, 20, 37), (14,)])
def test_a_tag_is_gathered_behind_the_addresses(lengths: Sequence[int]) -> None:
    """However the frame lies in its buffers, twelve bytes go before the tag."""
    starts = [1000 * place for place in range(len(lengths))]
    packet = Packet(0)
    packet.segments = tuple(zip(starts, lengths, strict=True))
    segments = Tagged(packet, 77777).segments
    place = segments.index((77777, 4))
    assert sum(length for _, length in segments[:place]) == 12
    pieces = [byte for start, length in segments if start != 77777 for byte in range(start, start + length)]
    assert pieces == [byte for start, length in packet.segments for byte in range(start, start + length)]


def test_untag_and_restore_are_inverse() -> None:
    """A packet's buffer is whole again, wherever its tag was."""

    async def main() -> None:
        async with Emulation() as emu:
            memory = emu.host("a").memory
            block = memory.allocate(2048, owner="test", purpose="buffer", alignment=2048)
            assert block is not None
            packet = Packet(0)
            buffer = Mdl(memory.map, block.address, 2048)
            packet.chain(buffer)
            tagged = TO_B + FROM_A + b"\x81\x00\xe1\x2c" + bytes(range(60))
            for data, vlan in ((tagged, 0x12C), (TO_B + FROM_A + b"\x08\x00" + bytes(60), 0)):
                packet.fill(data)
                assert untag(packet) == vlan
                assert packet.read() == (data[:12] + data[16:] if vlan else data)
                restore(packet)
                assert (buffer.address, buffer.capacity) == (block.address, 2048)

    run(main())
