"""A protocol's hold of an adapter: how it opens and closes, and what its failures do to others."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import pytest

from ndisemu.errors import BugCheck, RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE
from ndisemu.ndis import Oid, OidRequest, Packet, Status, v5
from ndisemu.ndis.states import BindingState
from tests.ndis.conftest import LATER, SLOT, Bench, Mini, Peer, frame, on_bench


class Slow(Mini):
    """Completes sends and requests after a while."""

    async def send_packets(self, packets: Sequence[Packet]) -> Status:
        await self.ndis.delay(LATER)
        return Status.SUCCESS

    async def set_information(self, request: OidRequest) -> Status:
        await self.ndis.delay(LATER)
        return self.take(request)


@on_bench
async def test_a_protocol_opens_the_adapter_in_its_bind(bench: Bench) -> None:
    """ProtocolBindAdapter runs at PASSIVE_LEVEL, on the CPU it was given, and its binding is open afterwards."""
    seen: list[tuple[str, str, int]] = []

    class Curious(Peer):
        async def bind_adapter(self, context: v5.BindContext) -> Status:
            cpu = bench.kernel.current
            assert cpu is not None
            seen.append((context.adapter_name, cpu.name, cpu.irql))
            return await super().bind_adapter(context)

    adapter = await bench.start(Mini())
    peer = Curious()
    binding = await bench.library.bind(peer, adapter, bench.cpus[1])
    assert seen == [("nic0", "cpu1", PASSIVE)]
    assert binding is peer.binding
    assert adapter.bindings == [binding]
    assert (repr(binding), peer.binding.state.current) == ("peer on nic0", BindingState.OPEN)


@pytest.mark.parametrize("way", ["fails", "fails later", "raises", "never opens"])
@on_bench
async def test_a_protocol_that_does_not_bind_leaves_nothing(bench: Bench, way: str) -> None:
    """What it had opened is closed again, and the adapter runs on for others."""

    class Refusing(Peer):
        async def bind_adapter(self, context: v5.BindContext) -> Status:
            if way == "never opens":
                return Status.SUCCESS
            await super().bind_adapter(context)
            if way == "raises":
                raise LookupError("no binding")
            if way == "fails later":
                await asyncio.sleep(1e-6)
            return Status.OPEN_FAILED

    adapter = await bench.start(Mini())
    blocks = bench.memory.blocks
    with pytest.raises(BugCheck, match="peer did not bind to nic0"):
        await bench.library.bind(Refusing(), adapter, bench.cpu)
    assert bench.rules() == (["bugcheck"] if way == "raises" else [])
    assert adapter.bindings == []
    assert bench.memory.blocks == blocks
    if way == "raises":
        assert bench.findings[0].actor == "peer"
        assert bench.findings[0].text == "ProtocolBindAdapter raised LookupError: no binding"
    await bench.bind(adapter, Peer("second"))


@on_bench
async def test_protocols_that_bind_at_the_same_time_get_their_own_binding(bench: Bench) -> None:
    """Whoever opens first, each bind returns the binding that its own protocol has opened."""

    class Late(Peer):
        async def bind_adapter(self, context: v5.BindContext) -> Status:
            await asyncio.sleep(1e-3)
            return await super().bind_adapter(context)

    adapter = await bench.start(Slow())
    late, early = Late("late"), Peer("early")
    bindings = await asyncio.gather(*(bench.library.bind(peer, adapter, bench.cpu) for peer in (late, early)))
    assert bindings == [late.binding, early.binding]
    assert adapter.bindings == [early.binding, late.binding]


@on_bench
async def test_an_adapter_is_opened_once_in_a_bind(bench: Bench) -> None:
    """A second NdisOpenAdapter in one ProtocolBindAdapter is refused."""

    class Greedy(Peer):
        async def bind_adapter(self, context: v5.BindContext) -> Status:
            self.binding = context.open_adapter()
            with pytest.raises(RuleViolation, match="proto-open-in-bind: nic0 was opened twice in one bind"):
                context.open_adapter()
            return Status.SUCCESS

    peer = await bench.pair(Mini(), Greedy())
    assert peer.binding.adapter.bindings == [peer.binding]


@on_bench
async def test_a_binding_that_closes_waits_for_what_is_outstanding(bench: Bench) -> None:
    """NdisCloseAdapter ends when sends and requests are completed and lent packets are back."""
    miniport = Slow()
    peer = await bench.pair(miniport)
    binding = peer.binding
    peer.kept = 1
    packets = miniport.fill(frame(1))
    await bench.passive(lambda: miniport.ndis.indicate_receive(packets))
    await bench.send(peer, 2)
    await bench.passive(lambda: binding.request(OidRequest.set(Oid.GEN_NETWORK_LAYER_ADDRESSES, b"")))
    closing = asyncio.create_task(bench.library.unbind(binding))
    await bench.pass_time()
    assert (binding.sends_pending, binding.requests_pending, binding.receives_held) == (0, 0, 1)
    assert repr(binding.state) == "<peer on nic0 Closing>"
    await bench.passive(lambda: binding.return_packets(packets))
    await closing
    assert binding.state.current is BindingState.CLOSED
    assert peer.statuses == [Status.SUCCESS] * 2
    assert (peer.packets[0].owner, bench.library.packet_pools) == (None, [miniport.pool])


@on_bench
async def test_a_closing_binding_takes_nothing_new(bench: Bench) -> None:
    """Sends come back CLOSING without reaching the miniport, requests are answered CLOSING at once."""
    miniport = Slow()

    class Restless(Peer):
        def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
            super().send_complete(binding, packets, status)
            if status is Status.SUCCESS:
                binding.send_packets(packets)
                self.ended.append((query, binding.request(query)))

    query = OidRequest.query(Oid.GEN_LINK_SPEED, 4)
    peer = await bench.pair(miniport, Restless())
    await bench.send(peer, 2)
    await bench.library.unbind(peer.binding)
    assert peer.statuses == [Status.SUCCESS] * 2 + [Status.CLOSING] * 2
    assert peer.ended == [(query, Status.CLOSING)]
    assert peer.binding.adapter.sends.submitted == 4


@on_bench
async def test_a_closed_binding_sends_nothing(bench: Bench) -> None:
    """Its packets have gone back to their pool and belong to nobody; sending one is refused."""
    peer = await bench.pair(Mini())
    await bench.library.unbind(peer.binding)
    with pytest.raises(RuleViolation, match=r"proto-reuse-pending: .* but it is free: its binding has been closed"):
        await bench.passive(lambda: peer.binding.send_packets(peer.packets[:1]))
    assert bench.rules() == ["proto-reuse-pending"]
    with pytest.raises(RuleViolation, match="st-illegal: peer on nic0: NdisCloseAdapter in state Closed"):
        await peer.binding.close()


@on_bench
async def test_a_protocol_that_keeps_packets_for_ever_cannot_keep_the_adapter(bench: Bench) -> None:
    """After the patience of a close the adapter is stopped, and the report counts what was not returned."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    peer.kept = 1
    await bench.passive(lambda: miniport.ndis.indicate_receive(miniport.fill(frame(1), frame(2))))
    await bench.library.unbind(peer.binding)
    assert bench.kernel.now >= peer.binding.adapter.hang.patience
    assert bench.rules() == ["stuck"]
    assert "0 requests are not completed and 2 received packets not returned" in bench.findings[0].text
    assert peer.binding.state.current is BindingState.CLOSED


FORGETFUL: Final = ["forgets to close", "raises"]


@pytest.mark.parametrize("way", FORGETFUL)
@on_bench
async def test_ndis_closes_what_a_protocol_leaves_open(bench: Bench, way: str) -> None:
    """After ProtocolUnbindAdapter the binding is closed, whatever the protocol did."""

    class Forgetful(Peer):
        async def unbind_adapter(self, binding: v5.Binding) -> None:
            if way == "raises":
                raise LookupError("not now")

    peer = await bench.pair(Mini(), Forgetful())
    await bench.library.unbind(peer.binding)
    assert peer.binding.state.current is BindingState.CLOSED
    assert bench.rules() == (["bugcheck"] if way == "raises" else [])


class Raising(Peer):
    """Raises in one of its entry points."""

    def __init__(self, entry: str) -> None:
        super().__init__("raising")
        self.entry = entry

    def raise_in(self, entry: str) -> None:
        if entry == self.entry:
            raise LookupError(f"no {entry}")

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        self.raise_in("ProtocolSendComplete")
        super().send_complete(binding, packets, status)

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int | Sequence[int]:
        self.raise_in("ProtocolReceivePacket")
        return super().receive_packets(binding, packets)

    def request_complete(self, binding: v5.Binding, request: OidRequest, status: Status) -> None:
        self.raise_in("ProtocolRequestComplete")
        super().request_complete(binding, request, status)

    def expired(self) -> None:
        self.raise_in("ProtocolTimer")


ENTRIES: Final = ["ProtocolSendComplete", "ProtocolReceivePacket", "ProtocolRequestComplete", "ProtocolTimer"]


@pytest.mark.parametrize("entry", ENTRIES)
@on_bench
async def test_a_protocol_that_raises_disturbs_nobody_else(bench: Bench, entry: str) -> None:
    """It is reported with its traceback and called no more; adapter and other bindings go on, packets return."""
    miniport = Slow()
    raising = Raising(entry)
    await bench.pair(miniport, raising)
    second = await bench.bind(raising.binding.adapter, Peer("second"))
    timer = await bench.passive(lambda: raising.binding.initialize_timer(raising.expired))
    for _ in range(2):
        for peer in (raising, second):
            await bench.send(peer, 1)
            query = OidRequest.set(Oid.GEN_NETWORK_LAYER_ADDRESSES, b"")
            await bench.passive(lambda peer=peer, query=query: peer.binding.request(query))  # type: ignore[misc]
        await bench.passive(lambda: miniport.ndis.indicate_receive(miniport.fill(frame(1))))
        await bench.passive(lambda: timer.set(0))
        await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    finding = bench.findings[0]
    assert finding.text == f"{entry} of raising raised LookupError: no {entry}"
    assert "self.raise_in(" in finding.trace
    assert second.statuses == [Status.SUCCESS] * 2
    assert second.received == [frame(1)] * 2
    assert [status for _, status in second.ended] == [Status.SUCCESS] * 2
    assert len(miniport.returned) == 2
    assert (raising.binding.sends_pending, raising.binding.requests_pending) == (0, 0)
    assert set(second.levels) == {DISPATCH}


@on_bench
async def test_a_protocols_timer_runs_at_dispatch_level(bench: Bench) -> None:
    """NdisInitializeTimer's routine runs as a DPC, at the time it was set for."""
    peer = await bench.pair(Mini())
    seen: list[tuple[int, int]] = []
    binding = peer.binding
    timer = await bench.passive(
        lambda: binding.initialize_timer(lambda: seen.append((binding.system_time(), bench.cpu.irql)))
    )
    start = bench.kernel.now
    await bench.passive(lambda: timer.set(LATER))
    await bench.pass_time()
    assert seen == [(start + LATER, DISPATCH)]


@on_bench
async def test_packets_of_a_binding_lie_in_the_hosts_memory(bench: Bench) -> None:
    """Each packet has a buffer of its own of the size asked for, and a number that no other has."""
    peer = await bench.pair(Mini())
    more = await bench.passive(lambda: peer.binding.allocate_packets(3, 100))
    assert [packet.length for packet in more] == [100] * 3
    numbers = [packet.number for packet in peer.packets + more]
    assert len(dict.fromkeys(numbers)) == len(numbers)
    spans = sorted(packet.segments[0] for packet in peer.packets + more)
    assert all(start + length <= after for (start, length), (after, _) in pairwise(spans))
    assert [length for _, length in spans].count(SLOT) == 8


@on_bench
async def test_a_host_without_room_has_no_packets(bench: Bench) -> None:
    """A pool of buffers that does not fit says how much was asked, and of whom."""
    peer = await bench.pair(Mini())
    with pytest.raises(MemoryError, match="host host has no 4194304 bytes for send buffers of peer on nic0"):
        await bench.passive(lambda: peer.binding.allocate_packets(2048, 2048))


@pytest.mark.parametrize("cpu", [-1, 1])
@on_bench
async def test_a_timer_is_for_a_cpu_of_the_host(bench: Bench, cpu: int) -> None:
    """Another number is refused, also one that Python would count from the end."""
    peer = await bench.pair(Mini())
    binding = peer.binding
    await bench.passive(lambda: binding.initialize_timer(lambda: None, 0))
    with pytest.raises(RuleViolation, match=rf"timer on CPU {cpu}; its host has 1, from 0") as caught:
        await bench.passive(lambda: binding.initialize_timer(lambda: None, cpu))
    assert caught.value.rule == "timer-cpu"
