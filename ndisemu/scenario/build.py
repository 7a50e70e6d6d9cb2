"""From a scenario to a machine: hosts, cards, cables, stations and their flows.

A driver class that a scenario names is imported here, and only here: it is
code, and running a foreign scenario is running foreign code.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Final

from ndisemu.drivers.protocols import Flow, Generator, Replay, Source, Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import BugCheck, RuleViolation
from ndisemu.frame.capture import read_capture
from ndisemu.kernel import DRIVER_ERRORS
from ndisemu.machine import Emulation, Host, Slot
from ndisemu.ndis import PacketFilter
from ndisemu.ndis.v5 import Miniport
from ndisemu.scenario import schema
from ndisemu.scenario.fields import Endpoint
from ndisemu.scenario.schema import RING, Scenario

FILTERS: Final = {
    "directed": PacketFilter.DIRECTED,
    "multicast": PacketFilter.MULTICAST,
    "all-multicast": PacketFilter.ALL_MULTICAST,
    "broadcast": PacketFilter.BROADCAST,
    "promiscuous": PacketFilter.PROMISCUOUS,
}


@dataclass(slots=True)
class Plan:
    """A built machine: each NIC's slot, the station that will be bound to it, and the flows that end there."""

    slots: dict[str, Slot] = field(default_factory=dict)
    stations: dict[str, Station] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    arriving: dict[str, list[Flow]] = field(default_factory=dict)


def build(scenario: Scenario, emulation: Emulation) -> Plan:
    """Put the scenario's machine into `emulation`; nothing runs yet."""
    plan = Plan()
    for name, host in scenario.hosts.items():
        made = emulation.host(name, cpus=host.cpus, memory=host.memory)
        for nic_name, nic in host.nics.items():
            slot = _put_in(made, nic_name, nic, scenario.mtu_of(nic), scenario.path.parent)
            plan.slots[slot.name] = slot
            plan.arriving[slot.name] = []
    for link in scenario.links:
        a, b = (plan.slots[str(end)] for end in link.between)
        emulation.connect(a, b, rate=link.rate, delay=link.delay, mtu=scenario.mtu_of(link))
    _add_stations(scenario, emulation, plan)
    return plan


def driver_class(path: str, folder: Path) -> Callable[[], Miniport]:
    """Return the miniport that a scenario in `folder` names; modules beside the scenario are found first.

    Raises `BugCheck` with the driver's traceback if it cannot be had.
    """
    if path == RING:
        return RingMiniport
    module_name, _, class_name = path.partition(":")
    try:
        with _importing_from(folder):
            found = getattr(import_module(module_name), class_name)
    except DRIVER_ERRORS as error:
        raise BugCheck(f"the driver {path} cannot be imported: {error!r}", error) from error
    if not (isinstance(found, type) and issubclass(found, Miniport)):
        raise BugCheck(f"the driver {path} is not a class derived from ndisemu.v5.Miniport")
    return found


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    place = str(folder.resolve())
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)


def _put_in(host: Host, name: str, nic: schema.Nic, mtu: int, folder: Path) -> Slot:
    """Put a card with its driver into a host; raises `BugCheck` if it is the driver's fault that this cannot be done."""
    path = nic.miniport.path
    parameters = {"tx_ring": nic.tx_ring, "rx_ring": nic.rx_ring, "itr": nic.itr}

    def make() -> Miniport:
        try:
            return driver_class(path, folder)()
        except DRIVER_ERRORS as error:
            if isinstance(error, BugCheck):
                raise
            raise BugCheck(f"the driver {path} cannot be made: {error!r}", error) from error

    try:
        return host.nic(name, make, mac=nic.mac, mtu=mtu, parameters=parameters)
    except BugCheck as failure:
        raise BugCheck(f"{host.name}.{name}: {failure}", failure.cause) from failure
    except RuleViolation as violation:
        raise BugCheck(f"{host.name}.{name}: the driver {path} cannot be registered: {violation}", violation) from None


def _add_stations(scenario: Scenario, emulation: Emulation, plan: Plan) -> None:
    """Make a station for each NIC that sends or receives traffic."""
    sources: dict[str, list[tuple[Source, Flow]]] = {name: [] for name in plan.slots}
    for number, traffic in enumerate(scenario.traffic):
        sender, receiver = str(traffic.source), str(traffic.destination)
        flow = Flow(f"{sender} to {receiver}")
        plan.flows.append(flow)
        plan.arriving[receiver].append(flow)
        sources[sender].append((_source(scenario, traffic, emulation, plan, number), flow))
    for name, slot in plan.slots.items():
        if sources[name] or plan.arriving[name]:
            wanted = PacketFilter(0)
            for word in scenario.nic(_endpoint(slot)).filter:
                wanted |= FILTERS[word]
            plan.stations[name] = Station(
                f"station of {name}", sources=sources[name], flows=plan.arriving[name], packet_filter=wanted
            )


def _source(
    scenario: Scenario, traffic: schema.Generator | schema.Replay, emulation: Emulation, plan: Plan, number: int
) -> Source:
    sender, receiver = plan.slots[str(traffic.source)].nic.mac, plan.slots[str(traffic.destination)].nic.mac
    if isinstance(traffic, schema.Generator):
        return Generator(
            emulation.random(f"generator {number}"),
            source=sender,
            destination=receiver,
            frames=traffic.frames,
            sizes=traffic.size,
            burst=traffic.burst,
            window=traffic.window,
            start=traffic.start,
            every=traffic.every,
        )
    recorded = read_capture(scenario.capture_path(traffic))
    origin = recorded[0].time if recorded else 0
    return Replay(
        [
            (frame.time - origin + traffic.start, frame.data)
            for frame in recorded
            if traffic.select == "all" or frame.data[6:12] == sender
        ]
    )


def _endpoint(slot: Slot) -> Endpoint:
    host, _, nic = slot.name.partition(".")
    return Endpoint(host, nic)
