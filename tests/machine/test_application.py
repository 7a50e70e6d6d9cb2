"""The asyncio face of a binding: send, receive, iterate, request; cancelling and closing in the middle."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from ndisemu import Application, Emulation, RingMiniport, Status, run
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.errors import UsageError
from ndisemu.kernel import DISPATCH, Signal
from ndisemu.machine.application import SEND_PACKETS
from ndisemu.ndis import Oid, Packet, PacketFilter, PowerState
from ndisemu.ndis.v5 import Miniport
from tests.machine.conftest import RUNNERS, applications, frame, wire

Runner = Callable[[Coroutine[Any, Any, None]], None]


class Hanging(RingMiniport):
    """Completes no send."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await Signal()


async def close(emu: Emulation, app: Application) -> None:
    """Unbind an application's protocol, as a removed adapter would."""
    name = app.binding.adapter.name.split(".", maxsplit=1)[0]
    await emu.hosts[name].ndis.unbind(app.binding)


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("count", [1, SEND_PACKETS, 3 * SEND_PACKETS + 1])
def test_a_send_of_any_length_is_sent_in_order(runner: Runner, count: int) -> None:
    """Frames beyond the application's packets wait for completions; each has its status."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            frames = [frame(number) for number in range(count)]
            sending = asyncio.create_task(tx.send(frames))
            received: list[bytes] = []
            while len(received) < count:
                received += await rx.receive()
            assert received == frames
            assert await sending == [Status.SUCCESS] * count

    runner(main())


def test_sends_of_several_tasks_keep_their_order() -> None:
    """Whoever calls first sends first, whole arrays at a time."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            arrays = [[frame(100 * task + number) for number in range(40)] for task in range(10)]
            sent = await asyncio.gather(*(tx.send(array) for array in arrays))
            assert sent == [[Status.SUCCESS] * 40] * 10
            await emu.idle()
            assert await rx.receive() == [data for array in arrays for data in array]

    run(main())


def test_the_protocol_sends_at_dispatch_level() -> None:
    """What a task asks for is queued on the binding's CPU, which raises to DISPATCH_LEVEL around the send."""
    seen: list[tuple[str, int]] = []

    class Noting(RingMiniport):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            cpu = self.ndis._adapter.running_cpu("a test")
            seen.append((cpu.name, cpu.irql))
            await super().send_packets(packets)

    async def main() -> None:
        async with Emulation() as emu:
            a, b = emu.host("a", cpus=2), emu.host("b")
            emu.connect(a.nic("eth0", Noting), b.nic("eth0", RingMiniport))
            tx = await a.bind("eth0", cpu=1)
            await tx.send([frame()])

    run(main())
    assert seen == [("a.cpu1", DISPATCH)]


@pytest.mark.parametrize("length", [0, 13, 1515, 9000])
def test_a_frame_of_an_impossible_length_is_refused(length: int) -> None:
    """The range is in the message, and nothing of the array is sent."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, _ = await applications(emu)
            with pytest.raises(UsageError) as caught:
                await tx.send([frame(), frame()[:14].ljust(length, b"x")[:length]])
            assert str(caught.value) == f"a.eth0 sends frames of 14 to 1514 bytes without FCS, not {length}"
            assert tx.binding.adapter.sends.submitted == 0

    run(main())


def test_sending_nothing_takes_no_time() -> None:
    """An empty array has no statuses."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, _ = await applications(emu)
            assert await tx.send([]) == []

    run(main())


def test_buffers_go_back_when_frames_are_taken() -> None:
    """Until the application takes what has arrived, its packets are lent; afterwards the card has them again."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            await tx.send([frame(number) for number in range(20)])
            await emu.idle()
            receives = rx.binding.adapter.receives
            assert (receives.lent, repr(rx)) == (20, "<Application application of b on b.eth0: 20 frames to take>")
            assert len(await rx.receive()) == 20
            await emu.idle()
            assert receives.lent == 0

    run(main())


def test_an_application_that_takes_nothing_loses_nothing() -> None:
    """The miniport gets more buffers, up to its limit, and then shows frames that are copied; all of them arrive."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            frames = [frame(number) for number in range(2500)]
            await tx.send(frames)
            await emu.idle()
            assert 0 < rx.binding.adapter.receives.starved < 1000
            assert await rx.receive() == frames
        assert emu.findings == []

    run(main())


def test_frames_can_be_iterated_over() -> None:
    """`async for` yields each frame, ends when the binding closes, and an early end leaves the rest to be taken."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            await tx.send([frame(number) for number in range(10)])
            await emu.idle()
            seen: list[bytes] = []
            async for data in rx:
                seen.append(data)
                if len(seen) == 3:
                    break
            async for data in rx:
                seen.append(data)
                if len(seen) == 5:
                    break
            seen += await rx.receive()
            assert seen == [frame(number) for number in range(10)]
            closing = asyncio.create_task(close(emu, rx))
            assert [data async for data in rx] == []
            await closing

    run(main())


def test_one_task_receives_at_a_time() -> None:
    """A second one is told so; after the first has been cancelled another may wait."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            first = asyncio.create_task(rx.receive())
            await asyncio.sleep(1e-6)
            with pytest.raises(UsageError, match=r"has a task waiting in receive\(\) already; one at a time"):
                await rx.receive()
            first.cancel()
            await asyncio.wait([first])
            second = asyncio.create_task(rx.receive())
            await tx.send([frame(5)])
            assert await second == [frame(5)]

    run(main())


@pytest.mark.parametrize("runner", RUNNERS)
def test_requests_are_answered(runner: Runner) -> None:
    """A query gives the bytes, a set takes effect, and a failure names the request and its status."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            speed = await tx.request(Oid.GEN_LINK_SPEED)
            assert int.from_bytes(speed, "little") == 10_000_000
            await rx.request(Oid.GEN_CURRENT_PACKET_FILTER, PacketFilter.BROADCAST.to_bytes(4, "little"))
            await tx.send([frame(1), frame(2, to=b"\xff" * 6)])
            assert await rx.receive() == [frame(2, to=b"\xff" * 6)]
            with pytest.raises(UsageError, match=r"query of OID_GEN_VLAN_ID ended with NDIS_STATUS_INVALID_OID$"):
                await tx.request(Oid.GEN_VLAN_ID)

    runner(main())


@pytest.mark.parametrize("miniport", [RingMiniport, LegacyMiniport])
def test_cancelling_a_send_takes_back_what_is_not_on_the_card(miniport: type[Miniport]) -> None:
    """What is in the ring is sent, what driver or NDIS had queued is aborted, and later sends are not disturbed."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = emu.host("a"), emu.host("b")
            slot = a.nic("eth0", miniport, parameters={"tx_ring": 128})
            emu.connect(slot, b.nic("eth0", RingMiniport), rate="1Mbit/s")
            tx, rx = await a.bind("eth0"), await b.bind("eth0")
            sending = asyncio.create_task(tx.send([frame(number, length=1000) for number in range(400)]))
            await asyncio.sleep(0.001)
            sending.cancel()
            await asyncio.wait([sending])
            assert sending.cancelled()
            assert await tx.send([frame(5)]) == [Status.SUCCESS]
            await emu.idle()
            sends = tx.binding.adapter.sends
            assert SEND_PACKETS < sends.submitted < 300
            assert sends.completed + sends.cancelled == sends.submitted
            assert 64 < sends.completed < 200
            received = await rx.receive()
            assert received == [*(frame(number, length=1000) for number in range(sends.completed - 1)), frame(5)]
            assert tx.binding.sends_pending == 0
        assert emu.findings == []

    run(main())


def test_a_send_cancelled_before_ndis_has_any_of_it_sends_nothing() -> None:
    """A task cancelled at once has changed nothing."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, _ = await applications(emu)
            sending = asyncio.create_task(tx.send([frame(0)]))
            await asyncio.sleep(0)
            sending.cancel()
            await emu.idle()
            assert tx.binding.adapter.sends.submitted == 0

    run(main())


def test_cancelling_a_request_leaves_it_to_end_by_itself() -> None:
    """Nobody waits for it any more, and the next one is answered."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, _ = await applications(emu)
            asking = asyncio.create_task(tx.request(Oid.GEN_LINK_SPEED))
            await asyncio.sleep(0)
            asking.cancel()
            assert len(await tx.request(Oid.E802_3_CURRENT_ADDRESS)) == 6
            assert asking.cancelled()

    run(main())


@pytest.mark.parametrize("runner", RUNNERS)
def test_closing_wakes_everybody(runner: Runner) -> None:
    """A receive ends empty, what was not sent yet ends CLOSING, and later calls hear that it is closed."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, _ = await applications(emu)
            receiving = asyncio.create_task(tx.receive())
            sending = asyncio.create_task(tx.send([frame(number) for number in range(3 * SEND_PACKETS)]))
            await asyncio.sleep(0)
            await close(emu, tx)
            statuses = await sending
            assert set(statuses) <= {Status.SUCCESS, Status.CLOSING}
            assert statuses == sorted(statuses)
            assert statuses[-1] is Status.CLOSING
            assert await receiving == []
            assert await tx.receive() == []
            for call in (tx.send([frame()]), tx.request(Oid.GEN_LINK_SPEED)):
                with pytest.raises(UsageError, match=r"^application of a on a\.eth0 is closed$"):
                    await call

    runner(main())


@pytest.mark.parametrize("runner", RUNNERS)
def test_what_was_asked_for_just_before_the_end_is_answered(runner: Runner) -> None:
    """Calls that the emulation's end overtakes come back: CLOSING for frames, an error for a request."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, _ = await applications(emu)
            sending = asyncio.create_task(tx.send([frame(), frame()]))
            asking = asyncio.create_task(tx.request(Oid.GEN_LINK_SPEED))
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert set(await sending) <= {Status.CLOSING, Status.SUCCESS}
            try:
                assert len(await asking) == 4
            except UsageError as error:
                assert "NDIS_STATUS_CLOSING" in str(error)  # noqa: PT017 - both ends are right

    runner(main())


def test_packets_that_were_not_taken_go_back_at_the_end() -> None:
    """Frames nobody has received do not keep the adapter from halting."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, _ = await applications(emu)
            await tx.send([frame(number) for number in range(30)])
            await emu.idle()
        assert emu.findings == []
        assert emu.now < 1_000_000_000

    run(main())


def test_a_driver_that_never_completes_does_not_hang_the_application() -> None:
    """At the end its sends come back REQUEST_ABORTED, and the report says where the driver waits."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            host.nic("eth0", Hanging)
            tx = await host.bind("eth0")
            sending = asyncio.create_task(tx.send([frame(1), frame(2)]))
            await asyncio.sleep(1e-3)
        assert await sending == [Status.REQUEST_ABORTED] * 2
        assert [finding.rule for finding in emu.findings] == ["send-never-completed"]
        assert "Hanging.send_packets waits at " in emu.findings[0].text

    run(main())


def test_a_stopped_adapter_answers_at_once() -> None:
    """Sends come back ADAPTER_NOT_READY, requests with the same status as their error."""

    async def main() -> None:
        async with Emulation() as emu:
            a, _ = wire(emu)
            tx = await a.bind("eth0")
            tx.binding.adapter.stop("bugcheck", "for the test")
            assert await tx.send([frame()] * 3) == [Status.ADAPTER_NOT_READY] * 3
            with pytest.raises(UsageError, match="NDIS_STATUS_ADAPTER_NOT_READY"):
                await tx.request(Oid.GEN_LINK_SPEED)

    run(main())


@pytest.mark.parametrize("way", ["sleep", "reset"])
def test_sends_wait_while_the_adapter_takes_none(way: str) -> None:
    """While it sleeps, and in the middle of a reset, an application's frames wait here; afterwards they are sent."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, rx = await applications(emu)
            adapter = tx.binding.adapter
            if way == "sleep":
                await adapter.set_power(PowerState.D3)
            else:
                tx._protocol.status(tx.binding, Status.RESET_START, b"")
            sending = asyncio.create_task(tx.send([frame(1), frame(2)]))
            await asyncio.sleep(1)
            assert not sending.done()
            if way == "sleep":
                await adapter.set_power(PowerState.D0)
            else:
                tx._protocol.status(tx.binding, Status.RESET_END, b"")
            assert await sending == [Status.SUCCESS] * 2
            received: list[bytes] = []
            while len(received) < 2:
                received += await rx.receive()
            assert received == [frame(1), frame(2)]
        assert emu.findings == []

    run(main())


def test_an_application_knows_its_link() -> None:
    """Whether there is a link is what the driver has last said."""

    async def main() -> None:
        async with Emulation() as emu:
            tx, _ = await applications(emu)
            seen = [tx.link_up]
            emu.cables[0].unplug()
            await asyncio.sleep(1e-6)
            seen.append(tx.link_up)
            assert seen == [True, False]

    run(main())
