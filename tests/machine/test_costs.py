"""Modelled costs in a whole machine: each kind of work is charged once, where it is done, and to the CPU that does it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Final

import pytest

from ndisemu import Emulation, run
from ndisemu.bench.modelled import DRIVERS
from ndisemu.drivers.protocols import Flow, Generator
from ndisemu.drivers.vc import VcMiniport
from ndisemu.errors import UsageError
from ndisemu.kernel import MEASURED, Costs
from ndisemu.machine import Circuits, Host
from ndisemu.units import MILLISECOND

FRAMES: Final = 64
BURST: Final = 8


@dataclass(frozen=True, slots=True)
class Spent:
    """What each CPU of the sender and of the receiver was charged for some frames, and what became of them."""

    sender: tuple[int, ...]
    receiver: tuple[int, ...]
    latencies: tuple[tuple[int, int], ...]
    wait: int


async def carry(
    driver: str, costs: Costs | None, *, station: str = "", cpus: int = 1, cpu: int | None = None, interrupt_cpu: int = 0,
    dpc_cpu: int | None = None,
) -> Spent:  # fmt: skip
    """Let one host send frames to another; `station` is the driver whose protocol carries them, if another one's."""
    miniport = DRIVERS[driver][0]
    protocol = DRIVERS[station or driver][1]
    async with Emulation(seed=1) as emulation:
        sender, receiver = (emulation.host(name, cpus=cpus, costs=costs) for name in "ab")
        near, far = (host.nic("eth0", miniport, cpu=interrupt_cpu, dpc_cpu=dpc_cpu) for host in (sender, receiver))
        emulation.connect(near, far)
        flow = Flow("there")
        source = Generator(
            Random(1), source=near.mac, destination=far.mac, frames=FRAMES, sizes=[60], burst=BURST, cpu=cpu
        )
        talking = protocol("talking", sources=[(source, flow)])
        await receiver.bind_protocol("eth0", protocol("listening", flows=[flow]))
        await sender.bind_protocol("eth0", talking)
        before = spent(sender, receiver)
        emulation.kernel.submit(lambda: sender.cpus[0].queue_thread(talking.start))
        await emulation.idle()
        assert flow.intact == FRAMES
        assert emulation.findings == []
        after = spent(sender, receiver)
        lock = near.adapter.lock
    mine, theirs = ([now - was for now, was in zip(*both, strict=True)] for both in zip(after, before, strict=True))
    return Spent(tuple(mine), tuple(theirs), tuple(sorted(flow.latencies.items())), lock.waited if lock else 0)


def spent(*hosts: Host) -> Sequence[Sequence[int]]:
    """Return what each CPU of each host was charged so far."""
    return [[cpu.spent for cpu in host.cpus] for host in hosts]


CHARGES: Final = {
    Costs(send_frame=10): (10 * FRAMES, 0),
    Costs(complete_frame=10): (10 * FRAMES, 0),
    Costs(protocol_frame=10): (10 * FRAMES, 0),
    Costs(receive_frame=10): (0, 10 * FRAMES),
    Costs(send_call=10): (10 * FRAMES // BURST, 0),
}


@pytest.mark.parametrize("costs", CHARGES, ids=str)
@pytest.mark.parametrize("driver", [*DRIVERS])
def test_each_frame_is_charged_once(driver: str, costs: Costs) -> None:
    """By every path, for what is done with it; a call for its array, or for each packet where the miniport takes one."""
    calls = FRAMES if driver == "legacy" else FRAMES // BURST
    sent, received = CHARGES[costs]
    found = run(carry(driver, costs))
    assert (found.sender, found.receiver) == ((10 * calls if costs.send_call else sent,), (received,))


@pytest.mark.parametrize(("driver", "station"), [("ring", "ring6"), ("ring6", "ring"), ("legacy", "ring6")])
@pytest.mark.parametrize("costs", [Costs(send_frame=10), Costs(receive_frame=10)], ids=str)
def test_translation_charges_nothing_twice(driver: str, station: str, costs: Costs) -> None:
    """A protocol of the other generation costs what one of the miniport's own does."""
    found = run(carry(driver, costs, station=station))
    assert (found.sender, found.receiver) == tuple((amount,) for amount in CHARGES[costs])


@pytest.mark.parametrize("costs", [Costs(send_frame=10), Costs(complete_frame=10), Costs(receive_frame=10)], ids=str)
def test_circuits_are_charged_like_other_frames(costs: Costs) -> None:
    """Those that carry the signalling, too."""

    async def main() -> None:
        async with Emulation(seed=1) as emulation:
            hosts = [emulation.host(name, costs=costs) for name in "ab"]
            near, far = (host.nic("vc0", VcMiniport) for host in hosts)
            emulation.connect(near, far)
            circuits = Circuits(
                near, far, emulation.random("circuits"), count=1, frames=FRAMES, sizes=[60], burst=BURST
            )
            await circuits.bind()
            circuits.start()
            await emulation.idle()
            assert [flow.intact for flow in circuits.flows] == [FRAMES] * 2
            for host, slot in zip(hosts, (near, far), strict=True):
                sends, receives = slot.adapter.sends, slot.adapter.receives
                assert host.cpus[0].spent == 10 * (receives.indicated if costs.receive_frame else sends.completed)

    run(main())


@pytest.mark.parametrize("driver", [*DRIVERS])
def test_without_a_table_nothing_is_charged(driver: str) -> None:
    """And with a table of zeros everything happens at the same times as without."""
    free, zero = run(carry(driver, None)), run(carry(driver, Costs()))
    assert free == zero
    assert free.sender == free.receiver == (0,)


@pytest.mark.parametrize("driver", [*DRIVERS])
def test_modelled_runs_are_the_same_every_time(driver: str) -> None:
    """Costs, several CPUs and locks included."""
    first = run(carry(driver, MEASURED, cpus=3, cpu=2, interrupt_cpu=1))
    assert first == run(carry(driver, MEASURED, cpus=3, cpu=2, interrupt_cpu=1))


@pytest.mark.parametrize("driver", [*DRIVERS])
def test_interrupts_dpcs_and_sends_have_cpus_of_their_own(driver: str) -> None:
    """A card's line is served by the CPU it is given, its DPC runs on another, and frames are sent on a third."""
    isr = run(carry(driver, Costs(isr=10), cpus=4, cpu=3, interrupt_cpu=1, dpc_cpu=2))
    assert [place for place, amount in enumerate(isr.receiver) if amount] == [1]
    receive = run(carry(driver, Costs(receive_frame=10), cpus=4, cpu=3, interrupt_cpu=1, dpc_cpu=2))
    assert receive.receiver == (0, 0, 10 * FRAMES, 0)
    protocol = run(carry(driver, Costs(protocol_frame=10), cpus=4, cpu=3, interrupt_cpu=1, dpc_cpu=2))
    assert protocol.sender == (0, 0, 0, 10 * FRAMES)


def test_the_dpc_runs_where_the_interrupt_was_taken() -> None:
    """Unless the card has a CPU for it."""
    found = run(carry("ring", Costs(receive_frame=10), cpus=2, interrupt_cpu=1))
    assert found.receiver == (0, 10 * FRAMES)


def test_a_shared_line_has_one_cpu() -> None:
    """A card that joins another's line is served where that line is."""

    async def main() -> None:
        async with Emulation() as emulation:
            host = emulation.host("a", cpus=2)
            first = host.nic("eth0", DRIVERS["ring"][0], cpu=1)
            second = host.nic("eth1", DRIVERS["ring"][0], shares_line_with="eth0")
            assert first.line.cpu is second.line.cpu is second.adapter.cpu is host.cpus[1]

    run(main())


@pytest.mark.parametrize(("cpu", "dpc_cpu"), [(2, 0), (0, 2)])
def test_a_card_is_served_by_a_cpu_of_its_host(cpu: int, dpc_cpu: int) -> None:
    """Another one is refused."""

    async def main() -> None:
        async with Emulation() as emulation:
            host = emulation.host("a", cpus=2)
            with pytest.raises(UsageError, match=r"^host a has no CPU 2; its CPUs are 0 to 1$"):
                host.nic("eth0", DRIVERS["ring"][0], cpu=cpu, dpc_cpu=dpc_cpu)

    run(main())


@pytest.mark.parametrize("driver", [*DRIVERS])
@pytest.mark.parametrize("kind", [one.name for one in fields(Costs)])
def test_costs_beyond_what_a_dpc_may_take_are_findings(driver: str, kind: str) -> None:
    """However much work takes, all of it is done: frames arrive, the books balance, and the watchdog has its say."""

    async def main() -> None:
        miniport, protocol = DRIVERS[driver]
        async with Emulation(seed=1) as emulation:
            hosts = [emulation.host(name, costs=Costs(**{kind: 200 * MILLISECOND})) for name in "ab"]
            near, far = (host.nic("eth0", miniport) for host in hosts)
            emulation.connect(near, far)
            flow = Flow("there")
            source = Generator(Random(1), source=near.mac, destination=far.mac, frames=4, sizes=[60], burst=2)
            talking = protocol("talking", sources=[(source, flow)])
            await hosts[1].bind_protocol("eth0", protocol("listening", flows=[flow]))
            await hosts[0].bind_protocol("eth0", talking)
            emulation.kernel.submit(lambda: hosts[0].cpus[0].queue_thread(talking.start))
            await emulation.idle()
            assert (flow.intact, near.adapter.sends.in_flight, far.adapter.receives.lent) == (4, 0, 0)
            assert {finding.rule for finding in emulation.findings} <= {"int-dpc-time"}

    run(main())


def test_only_a_serialized_miniport_is_waited_for() -> None:
    """Sends wait on one CPU for what the DPC does on the other, under the miniport lock."""
    table = replace(MEASURED, receive_frame=5000, complete_frame=5000)
    assert run(carry("legacy", table, cpus=2, cpu=1)).wait > 0
    assert run(carry("legacy", table, cpus=1)).wait == 0
    assert run(carry("ring", table, cpus=2, cpu=1)).wait == 0


def test_latencies_hold_what_the_work_takes() -> None:
    """The first frame arrives later by just what its sender's and receiver's work takes."""
    free = run(carry("ring", None)).latencies
    costly = run(carry("ring", Costs(send_call=3000, receive_frame=100))).latencies
    # Latencies have three digits.
    assert costly[0][0] == pytest.approx(free[0][0] + 3000 + 100, abs=10)
