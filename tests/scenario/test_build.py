"""From a scenario to a machine: everything that was written is there, and drivers are imported only now."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

import pytest

from ndisemu.drivers.protocols import Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import UsageError
from ndisemu.machine import Emulation, Host, Slot
from ndisemu.ndis import PacketFilter
from ndisemu.scenario.build import Plan, build, line_owners
from ndisemu.scenario.load import load
from ndisemu.scenario.schema import Nic

Write = Callable[[str | bytes], Path]
Built = Callable[..., Plan]

MACHINE: Final = """\
version: 1
name: all that can be built
seed: 5
mtu: 2000
hosts:
  a: {cpus: 3, memory: 8MiB, nics: {eth0: {mac: "02:00:00:00:0a:07", tx_ring: 64, rx_ring: 128, itr: 20us}, eth1: {mtu: 1500}}}
  b: {nics: {eth0: {filter: [promiscuous]}, eth1: {parameters: {receive_pool: 96, knob: 0}}, idle: {}}}
links:
  - {between: [a.eth0, b.eth0], rate: 100Mbit/s, delay: 7us}
  - {between: [b.eth1, a.eth1], rate: unlimited, mtu: 9000}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 10, size: [64, 2014], burst: 4}
  - {from: a.eth0, to: b.eth0, kind: replay, file: captures/web.pcapng}
  - {from: b.eth1, to: a.eth1, kind: replay, file: captures/web.pcapng, start: 3ms}
"""


@pytest.fixture
def built(write: Write) -> Iterator[Built]:
    """Return a function that builds a scenario into an emulation that is never run."""
    emulations: list[Emulation] = []

    def make(text: str = MACHINE, *overrides: str) -> Plan:
        emulation = Emulation(seed=5)
        emulations.append(emulation)
        return build(load(write(text), overrides), emulation)

    yield make
    for emulation in emulations:
        for host in emulation.hosts.values():
            host.close()


def test_hosts_have_their_processors_memory_and_cards(built: Built) -> None:
    """Cards are in the order of the file, with the address, MTU and parameters that their drivers read."""
    plan = built()
    assert list(plan.slots) == ["a.eth0", "a.eth1", "b.eth0", "b.eth1", "b.idle"]
    slot = plan.cards["a.eth0"]
    assert [cpu.name for cpu in slot.host.cpus] == ["a.cpu0", "a.cpu1", "a.cpu2"]
    assert slot.host.memory.size == 8 << 20
    assert slot.nic.mac.hex() == "020000000a07"
    assert slot.adapter.device.parameters == {"mtu": 2000, "tx_ring": 64, "rx_ring": 128, "itr": 20_000}
    assert plan.slots["a.eth1"].adapter.device.parameters["mtu"] == 1500
    assert (
        plan.slots["b.eth1"].adapter.device.parameters.items()
        >= {"receive_pool": 96, "knob": 0, "tx_ring": 256}.items()
    )


def test_links_connect_the_cards_they_name(built: Built) -> None:
    """A link has its rate, delay and MTU, the scenario's where it has none of its own, and its ends know it."""
    plan = built()
    first, second = plan.cards["a.eth0"].cable, plan.cards["a.eth1"].cable
    assert first is plan.cards["b.eth0"].cable
    assert second is plan.cards["b.eth1"].cable
    assert plan.cards["b.idle"].cable is None
    assert first is not None
    assert second is not None
    assert (first.rate, first.delay, second.rate, second.delay) == (100_000_000, 7_000, None, 0)
    assert second.longest - first.longest == 7_000


def test_every_card_with_traffic_has_a_station(built: Built) -> None:
    """One station sends all flows of its card and judges all that end there, with the filter that was asked for."""
    plan = built()
    assert [flow.name for flow in plan.flows] == ["a.eth0 to b.eth0", "a.eth0 to b.eth0", "b.eth1 to a.eth1"]
    assert list(plan.stations) == ["a.eth0", "a.eth1", "b.eth0", "b.eth1"]
    assert plan.arriving["b.eth0"] == plan.flows[:2]
    assert plan.arriving["a.eth1"] == plan.flows[2:]
    assert plan.stations["b.eth0"]._filter == PacketFilter.PROMISCUOUS
    assert plan.stations["a.eth0"]._filter == PacketFilter.DIRECTED | PacketFilter.BROADCAST
    assert len(plan.stations["a.eth0"]._sources) == 2


def test_a_card_has_the_protocol_of_its_generation(built: Built) -> None:
    """The generation that is written, and the usual one, is the class that the catalogue lists."""
    plan = built(MACHINE, "hosts.a.nics.eth0.protocol=v5")
    assert {type(station) for station in plan.stations.values()} == {Station}


def test_a_protocol_of_ones_own_for_ndis_5_sends_no_lists(built: Built) -> None:
    """Which generation it is of shows only when it is there; then it is told."""
    text = """
    version: 1
    name: n
    hosts:
      a: {nics: {eth0: {miniport: {class: "ndisemu.drivers.ring:RingMiniport"}}}}
      b: {nics: {eth0: {}}}
    links: [{between: [a.eth0, b.eth0]}]
    traffic: [{from: a.eth0, to: b.eth0, kind: generator, frames: 1, size: 60, frames_per_list: 2}]
    """
    with pytest.raises(
        UsageError, match=r"a\.eth0: frames_per_list is about lists of NDIS 6, and its protocol sends packets"
    ):
        built(dedent(text))


@pytest.mark.parametrize(
    ("shared", "owners"),
    [
        ({}, "abcd"),
        ({"b": "a"}, "aacd"),
        ({"a": "b"}, "aacd"),
        ({"a": "b", "b": "a"}, "aacd"),
        ({"b": "c", "d": "b"}, "abbb"),
        ({"d": "c", "b": "a", "c": "b"}, "aaaa"),
        ({"a": "d", "b": "c"}, "abba"),
    ],
)
def test_cards_that_share_an_interrupt_share_the_line_of_the_first(shared: dict[str, str], owners: str) -> None:
    """Sharing goes both ways and on, whoever names whom, and the line is that of the NIC that stands first."""
    nics = {name: Nic(shares_interrupt_with=shared.get(name)) for name in "abcd"}
    assert line_owners(nics) == dict(zip("abcd", owners, strict=True))


def test_a_shared_line_reaches_the_host(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that shares an interrupt is put in with the name of the line's owner, any other with none."""
    asked: dict[str, str | None] = {}
    put_in = Host.nic

    def nic(host: Host, name: str, *arguments: Any, **options: Any) -> Slot:
        asked[f"{host.name}.{name}"] = options.pop("shares_line_with", None)
        return put_in(host, name, *arguments, **options)

    monkeypatch.setattr(Host, "nic", nic)
    built(MACHINE, "hosts.b.nics.idle.shares_interrupt_with=eth0")
    assert asked == {"a.eth0": None, "a.eth1": None, "b.eth0": None, "b.eth1": None, "b.idle": "eth0"}


def test_generators_are_seeded_by_their_place_and_the_seed_alone(built: Built) -> None:
    """The same scenario makes the same frames, and two flows of one scenario different ones."""
    again = MACHINE + "  - {from: a.eth0, to: b.eth0, kind: generator, frames: 10, size: [64, 2014], burst: 4}\n"

    def first_burst(plan: Plan, place: int) -> list[bytes]:
        return list(plan.stations["a.eth0"]._sources[place][0].next()[0])

    plan = built(again)
    assert first_burst(plan, 0) == first_burst(built(), 0)
    other = list(plan.stations["a.eth0"]._sources[2][0].next()[0])
    assert [len(frame) for frame in other] == [64, 2014, 64, 2014]
    assert other != first_burst(built(), 0)


def test_a_replay_begins_at_its_start(built: Built) -> None:
    """Recorded times count from the first frame of the capture, and the start is added."""
    plan = built()
    source, _ = plan.stations["b.eth1"]._sources[0]
    assert source.due == 3_000_000
    frames, arriving = source.next()
    assert (len(frames), len(arriving[0])) == (1, 60)
    assert source.due is None


def test_a_driver_of_ones_own_is_made_once_for_each_card(built: Built, drivers: str) -> None:
    """The class is imported when the machine is built, and each card has an object of its own."""
    path = f"{{class: '{drivers}:Mine'}}"
    plan = built(MACHINE, f"hosts.a.nics.eth0.miniport={path}", f"hosts.b.nics.eth0.miniport={path}")
    mine, other = (plan.slots[name].adapter.miniport for name in ("a.eth0", "b.eth0"))
    assert type(mine).__name__ == "Mine"
    assert mine is not other
    assert vars(type(mine))["made"] == 2
    assert type(plan.slots["a.eth1"].adapter.miniport) is RingMiniport


def test_loading_a_scenario_imports_nothing(write: Write, drivers: str) -> None:
    """Only building does, so that checking a foreign file runs no foreign code."""
    load(write(MACHINE), [f"hosts.a.nics.eth0.miniport={{class: '{drivers}:Mine'}}"])
    assert drivers not in sys.modules
