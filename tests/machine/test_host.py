"""Hosts and their cards: names, addresses, CPUs, and how an adapter is started."""

import asyncio
from collections.abc import Awaitable

import pytest

from ndisemu import Emulation, RingMiniport, Status, StreamMiniport, run, v5
from ndisemu.errors import BugCheck, UsageError
from ndisemu.machine import Host
from ndisemu.ndis import PacketFilter
from ndisemu.ndis.states import AdapterState
from tests.machine.conftest import frame, wire


class Raising(RingMiniport):
    """Does not start."""

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        raise LookupError("no EEPROM")


class Refusing(v5.Protocol):
    """Does not bind."""

    name = "refusing"

    def bind_adapter(self, context: v5.BindContext) -> Status | Awaitable[Status]:
        return Status.OPEN_FAILED


def test_names_are_unique_and_known() -> None:
    """A host or card that exists already, or one that does not, is named in the error, with what there is."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            with pytest.raises(UsageError, match=r"^there is a host named a already$"):
                emu.host("a")
            with pytest.raises(UsageError, match=r"^host a has no NIC named eth0; it has none$"):
                await host.start("eth0")
            host.nic("eth0", RingMiniport)
            host.nic("eth1", RingMiniport)
            with pytest.raises(UsageError, match=r"^host a has a NIC named eth0 already$"):
                host.nic("eth0", RingMiniport)
            with pytest.raises(UsageError, match=r"^host a has no NIC named eth2; it has eth0, eth1$"):
                await host.bind("eth2")
            assert list(emu.hosts) == ["a"]

    run(main())


@pytest.mark.parametrize("cpus", [0, 65, -1])
def test_a_host_has_1_to_64_cpus(cpus: int) -> None:
    """Any other number is refused, and no host is made."""

    async def main() -> None:
        async with Emulation() as emu:
            with pytest.raises(UsageError, match=rf"^host a must have 1 to 64 CPUs, not {cpus}$"):
                emu.host("a", cpus=cpus)
            assert emu.hosts == {}

    run(main())


@pytest.mark.parametrize("cpu", [2, -1])
def test_a_binding_is_on_a_cpu_of_its_host(cpu: int) -> None:
    """A CPU that is not there is refused before anything is started."""

    async def main() -> None:
        async with Emulation() as emu:
            a, _ = wire(emu)
            with pytest.raises(UsageError, match=rf"^host a has no CPU {cpu}; its CPUs are 0 to 1$"):
                await a.bind("eth0", cpu=cpu)
            assert a.slots["eth0"].adapter.state.current is AdapterState.UNINITIALIZED

    run(main())


def test_cards_have_addresses_of_their_own() -> None:
    """By default an address tells host and card, also of the three hundredth host; one that is given is used."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = emu.host("a"), emu.host("b")
            many = Host(emu.kernel, "many", 299, memory=1 << 20)
            cards = [host.nic("eth0", RingMiniport).nic for host in (a, b, many)]
            cards.append(b.nic("eth1", RingMiniport).nic)
            cards.append(b.nic("eth2", RingMiniport, mac=b"\x02\xab\0\0\0\1").nic)
            assert [card.mac.hex(":") for card in cards] == [
                "02:00:00:00:01:01",
                "02:00:00:00:02:01",
                "02:00:00:01:2c:01",
                "02:00:00:00:02:02",
                "02:ab:00:00:00:01",
            ]
            many.close()

    run(main())


def test_a_card_is_known_by_host_and_name() -> None:
    """Slots and hosts say what they are."""

    async def main() -> None:
        async with Emulation() as emu:
            a, _ = wire(emu)
            assert repr(a) == "<Host a: 2 CPUs, eth0>"
            assert repr(emu.host("c")) == "<Host c: 1 CPUs, no cards>"
            assert repr(a.slots["eth0"]).startswith("<Slot a.eth0: <Adapter a.eth0 Uninitialized")

    run(main())


def test_a_driver_that_cannot_run_is_refused_when_its_card_is_put_in() -> None:
    """The card is not there afterwards, and another may take its name."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            with pytest.raises(UsageError, match=r"dict is neither a v5\.Miniport nor a v6\.Miniport"):
                host.nic("eth0", dict)  # type: ignore[arg-type]  # that is the mistake
            assert host.slots == {}
            host.nic("eth0", RingMiniport)
            await host.start("eth0")

    run(main())


def test_a_driver_that_does_not_start_is_a_bug_check() -> None:
    """The error names the adapter and repeats what was found; the other host goes on."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = emu.host("a"), emu.host("b")
            emu.connect(a.nic("eth0", Raising), b.nic("eth0", RingMiniport))
            for _ in range(2):
                with pytest.raises(BugCheck) as caught:
                    await a.bind("eth0")
                text = "a.eth0 does not run: MiniportInitialize raised LookupError: no EEPROM"
                assert str(caught.value) == text
            await b.bind("eth0")

    run(main())


def test_a_protocol_that_does_not_bind_is_a_bug_check() -> None:
    """The error names protocol and adapter, and the adapter runs on."""

    async def main() -> None:
        async with Emulation() as emu:
            a, _ = wire(emu)
            with pytest.raises(BugCheck, match=r"^refusing did not bind to a\.eth0: ProtocolBindAdapter ended with "):
                await a.bind_protocol("eth0", Refusing())
            assert a.slots["eth0"].adapter.running
            await a.bind("eth0")

    run(main())


def test_tasks_that_need_an_adapter_at_once_start_it_once() -> None:
    """A driver may take its time to initialize; all who wait for it get it."""
    started: list[str] = []

    class Slow(RingMiniport):
        async def initialize(self, adapter: v5.AdapterInfo) -> Status:  # type: ignore[override]  # a driver may
            started.append(adapter.name)
            await asyncio.sleep(0.1)
            return super().initialize(adapter)

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            host.nic("eth0", Slow)
            apps = await asyncio.gather(*(host.bind("eth0") for _ in range(3)))
            assert started == ["a.eth0"]
            assert len(host.slots["eth0"].adapter.bindings) == len(apps) == 3

    run(main())


def test_an_adapter_can_be_halted_and_started_again() -> None:
    """Binding to a halted adapter initializes it anew."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = wire(emu)
            rx = await b.bind("eth0")
            for number in range(3):
                tx = await a.bind("eth0")
                assert await tx.send([frame(number)]) == [Status.SUCCESS]
                assert await rx.receive() == [frame(number)]
                await a.halt()
                assert a.memory.blocks == ()
        assert emu.findings == []

    run(main())


def test_parameters_reach_the_driver() -> None:
    """What a card is put in with is what the driver reads, beside the MTU."""
    seen: list[v5.AdapterInfo] = []

    class Reading(RingMiniport):
        def initialize(self, adapter: v5.AdapterInfo) -> Status:
            seen.append(adapter)
            return super().initialize(adapter)

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            host.nic("eth0", Reading, mtu=1200, parameters={"tx_ring": 32})
            await host.bind("eth0", packet_filter=PacketFilter.PROMISCUOUS)

    run(main())
    assert [(info.name, dict(info.parameters)) for info in seen] == [("a.eth0", {"mtu": 1200, "tx_ring": 32})]


def test_two_cards_may_share_an_interrupt_line() -> None:
    """Both drivers work on one line, however busy each is; other cards have lines of their own."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = emu.host("a"), emu.host("b")
            near = [a.nic("eth0", RingMiniport), a.nic("eth1", RingMiniport, shares_line_with="eth0")]
            far = [b.nic("eth0", RingMiniport), b.nic("eth1", RingMiniport)]
            assert (near[0].line is near[1].line, far[0].line is far[1].line) == (True, False)
            for one, other in zip(near, far, strict=True):
                emu.connect(one, other)
            apps = [[await host.bind(name) for name in ("eth0", "eth1")] for host in (a, b)]
            for tx, rx in ((0, 1), (1, 0)):
                to = [slot.nic.mac for slot in (far, near)[tx]]
                frames = [[frame(number, to=mac) for number in range(20)] for mac in to]
                sent = [apps[tx][place].send(frames[place]) for place in (0, 1)]
                assert await asyncio.gather(*sent) == [[Status.SUCCESS] * 20] * 2
                for place in (0, 1):
                    got: list[bytes] = []
                    while len(got) < 20:
                        got += await apps[rx][place].receive()
                    assert got == frames[place]
            assert near[0].line.spurious == 0
            await near[0].adapter.halt()
            assert await apps[0][1].send([frame(99, to=far[1].nic.mac)]) == [Status.SUCCESS]
        assert emu.findings == []

    run(main())


def test_a_line_can_be_shared_only_with_a_card_that_is_there() -> None:
    """The error says which there are, and the card is not put in."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            host.nic("eth0", RingMiniport)
            with pytest.raises(UsageError, match=r"^host a has no NIC named eth2; it has eth0$"):
                host.nic("eth1", RingMiniport, shares_line_with="eth2")
            host.stream_nic("wdm0", StreamMiniport)
            with pytest.raises(UsageError, match=r"^a.wdm0 is no card and has no interrupt line to share$"):
                host.nic("eth1", RingMiniport, shares_line_with="wdm0")
            assert list(host.slots) == ["eth0"]

    run(main())
