"""From a scenario to a machine: hosts, cards, cables, stations and their flows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ndisemu.drivers.catalogue import MINIPORTS
from ndisemu.drivers.protocols import Broadcast, Entry, Flow, Generator, Replay, Source, Station
from ndisemu.errors import BugCheck, RuleViolation, UsageError
from ndisemu.frame.capture import read_capture
from ndisemu.frame.ethernet import BROADCAST
from ndisemu.kernel import Costs, driver_errors
from ndisemu.link import Relay
from ndisemu.machine import BaseSlot, Circuits, Emulation, Host, Slot, StreamSlot
from ndisemu.ndis import PacketFilter, v6
from ndisemu.scenario import schema
from ndisemu.scenario.classes import AnyMiniport, AnyStation, driver_class, station_class
from ndisemu.scenario.fields import Endpoint
from ndisemu.scenario.schema import Scenario

FILTERS: Final = {
    "directed": PacketFilter.DIRECTED,
    "multicast": PacketFilter.MULTICAST,
    "all-multicast": PacketFilter.ALL_MULTICAST,
    "broadcast": PacketFilter.BROADCAST,
    "promiscuous": PacketFilter.PROMISCUOUS,
}


@dataclass(slots=True)
class Plan:
    """A built machine: each NIC's slot, switches, the station that will be bound to it, calls, and the flows that end at each.

    Every slot is also in `cards` or in `streams`.
    """

    slots: dict[str, BaseSlot] = field(default_factory=dict)
    cards: dict[str, Slot] = field(default_factory=dict)
    streams: dict[str, StreamSlot] = field(default_factory=dict)
    switches: dict[str, Relay] = field(default_factory=dict)
    stations: dict[str, AnyStation] = field(default_factory=dict)
    circuits: list[Circuits] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    arriving: dict[str, list[Flow]] = field(default_factory=dict)


def build(scenario: Scenario, emulation: Emulation) -> Plan:
    """Put the scenario's machine into `emulation`; nothing runs yet."""
    plan = Plan()
    for name, host in scenario.hosts.items():
        table = scenario.costs_of(host)
        costs = None if table is None else Costs(**table.model_dump())
        made = emulation.host(name, cpus=host.cpus, memory=host.memory, costs=costs)
        owners = line_owners(host.nics)
        for nic_name, nic in host.nics.items():
            _put_in(plan, made, nic_name, nic, owners[nic_name], scenario)
    for name, switch in scenario.switches.items():
        plan.switches[name] = _add_switch(emulation, name, switch)
    for link in scenario.links:
        _lay(plan, link, emulation, scenario.mtu_of(link))
    _add_stations(scenario, emulation, plan)
    _add_circuits(scenario, emulation, plan)
    return plan


def line_owners(nics: Mapping[str, schema.Nic]) -> dict[str, str]:
    """Return for each NIC of a host the first one on its interrupt line; those that share with one share with each other."""
    owners = {name: name for name in nics}
    places = {name: place for place, name in enumerate(nics)}
    for name, nic in nics.items():
        if nic.shares_interrupt_with is not None:
            first, joined = sorted((owners[name], owners[nic.shares_interrupt_with]), key=places.__getitem__)
            owners = {one: first if owner == joined else owner for one, owner in owners.items()}
    return owners


def _put_in(plan: Plan, host: Host, name: str, nic: schema.Nic, line_owner: str, scenario: Scenario) -> None:
    """Put a NIC with its driver into a host; raises `BugCheck` if it is the driver's fault that this cannot be done."""
    path, folder, mtu = nic.miniport.path, scenario.path.parent, scenario.mtu_of(nic)
    full_name = f"{host.name}.{name}"

    def make() -> AnyMiniport:
        try:
            return driver_class(path, folder)()
        except driver_errors() as error:
            if isinstance(error, BugCheck):
                raise
            raise BugCheck(f"the driver {path} cannot be made: {error!r}", error) from error

    slot: BaseSlot
    try:
        if path in MINIPORTS and MINIPORTS[path].kind == "WDM edge":
            stream = slot = host.stream_nic(name, make, mac=nic.mac, mtu=mtu, parameters=nic.parameters)
            plan.streams[slot.name] = stream
        else:
            parameters = {"tx_ring": nic.tx_ring, "rx_ring": nic.rx_ring, "itr": nic.itr, **nic.parameters}
            shared = None if line_owner == name else line_owner
            card = slot = host.nic(
                name,
                make,
                mac=nic.mac,
                mtu=mtu,
                parameters=parameters,
                shares_line_with=shared,
                cpu=nic.interrupt_cpu or 0,
                dpc_cpu=nic.dpc_cpu,
            )
            plan.cards[slot.name] = card
    except BugCheck as failure:
        raise BugCheck(f"{full_name}: {failure}", failure.cause, actor=full_name, driver=path) from failure
    except RuleViolation as violation:
        text = f"{full_name}: the driver {path} cannot be registered: {violation}"
        raise BugCheck(text, violation, actor=full_name, driver=path) from None
    plan.slots[slot.name] = slot
    plan.arriving[slot.name] = []


def _add_switch(emulation: Emulation, name: str, switch: schema.Switch) -> Relay:
    if switch.kind == "hub":
        return emulation.hub(name, queue=switch.queue, latency=switch.latency)
    return emulation.switch(
        name, queue=switch.queue, latency=switch.latency, ageing=switch.ageing, addresses=switch.addresses
    )


def _lay(plan: Plan, link: schema.Link, emulation: Emulation, mtu: int) -> None:
    """Put a cable or a stream where a link is."""
    a, b = map(str, link.between)
    if a in plan.switches:
        a, b = b, a
    if a in plan.streams:
        emulation.connect_streams(plan.streams[a], plan.streams[b])
    else:
        other = plan.switches.get(b) or plan.cards[b]
        emulation.connect(plan.cards[a], other, rate=link.rate, delay=link.delay, mtu=mtu)


def _add_stations(scenario: Scenario, emulation: Emulation, plan: Plan) -> None:
    """Make a station for each NIC that sends or receives traffic of its own kind."""
    sources: dict[str, list[tuple[Source, Entry]]] = {name: [] for name in plan.slots}
    for number, traffic in enumerate(scenario.traffic):
        if isinstance(traffic, schema.Circuits):
            continue
        sender = str(traffic.source)
        flows = []
        for receiver in _receivers(scenario, traffic):
            flows.append(Flow(f"{sender} to {receiver}"))
            plan.arriving[receiver].append(flows[-1])
        plan.flows += flows
        entry = flows[0] if len(flows) == 1 else Broadcast(flows)
        sources[sender].append((_source(scenario, traffic, emulation, plan, number), entry))
    for name, slot in plan.slots.items():
        if sources[name] or plan.arriving[name]:
            nic = scenario.nic(_endpoint(slot))
            wanted = PacketFilter(0)
            for word in nic.filter:
                wanted |= FILTERS[word]
            station = plan.stations[name] = _station(scenario, slot, sources[name], plan.arriving[name], wanted)
            if isinstance(station, Station) and any(source.frames_per_list > 1 for source, _ in sources[name]):
                # Its miniport or itself is the user's own, or this would have been told by line and column.
                raise UsageError(
                    f"{name}: frames_per_list is about lists of NDIS 6, and its protocol sends packets of NDIS 5"
                )


def _station(
    scenario: Scenario,
    slot: BaseSlot,
    sources: Sequence[tuple[Source, Entry]],
    flows: Sequence[Flow],
    wanted: PacketFilter,
) -> AnyStation:
    """Make the protocol that carries the traffic of a NIC."""
    name, nic = slot.name, scenario.nic(_endpoint(slot))
    usual = "v6" if isinstance(slot.adapter.miniport, v6.Miniport) else "v5"
    path = usual if nic.protocol is None else nic.protocol.path
    try:
        station = station_class(path, scenario.path.parent)
        return station(f"station of {name}", sources=sources, flows=flows, packet_filter=wanted, keeps=nic.hold)
    except BugCheck as failure:
        raise BugCheck(f"{name}: {failure}", failure.cause, actor=name, driver=path) from failure
    except driver_errors() as error:
        text = f"{name}: the protocol {path} cannot be made: {error!r}"
        raise BugCheck(text, error, actor=name, driver=path) from error


def _receivers(scenario: Scenario, traffic: schema.Generator | schema.Replay) -> list[str]:
    """Return the NICs that traffic must reach: the one it is for, or all others on the switch that it is for."""
    sender, destination = str(traffic.source), str(traffic.destination)
    if destination not in scenario.switches:
        return [destination]
    on_it = [map(str, link.between) for link in scenario.links if destination in link.between]
    return [end for ends in on_it for end in ends if end not in {destination, sender}]


def _add_circuits(scenario: Scenario, emulation: Emulation, plan: Plan) -> None:
    """Make call managers and clients for each NIC that calls or is called."""
    for number, traffic in enumerate(scenario.traffic):
        if not isinstance(traffic, schema.Circuits):
            continue
        random = emulation.random(f"circuits {number}")
        a, b = (plan.cards[str(end)] for end in (traffic.source, traffic.destination))
        count, frames, sizes, burst = traffic.count, traffic.frames, traffic.size, traffic.burst
        circuits = Circuits(a, b, random, count=count, frames=frames, sizes=sizes, burst=burst)
        plan.circuits.append(circuits)
        plan.flows += circuits.flows
        plan.arriving[b.name] += circuits.there
        plan.arriving[a.name] += circuits.back


def _source(
    scenario: Scenario, traffic: schema.Generator | schema.Replay, emulation: Emulation, plan: Plan, number: int
) -> Source:
    slot, receiver = plan.slots[str(traffic.source)], plan.slots.get(str(traffic.destination))
    if isinstance(traffic, schema.Generator):
        return Generator(
            emulation.random(f"generator {number}"),
            source=slot.mac,
            destination=receiver.mac if receiver else BROADCAST,
            frames=traffic.frames,
            sizes=traffic.size,
            burst=traffic.burst,
            window=traffic.window,
            start=traffic.start,
            frames_per_list=traffic.frames_per_list,
            every=traffic.every,
            priorities=traffic.priority,
            shortest=slot.shortest,
            cpu=traffic.cpu,
        )
    recorded = read_capture(scenario.capture_path(traffic))
    origin = recorded[0].time if recorded else 0
    return Replay(
        [
            (frame.time - origin + traffic.start, frame.data)
            for frame in recorded
            if traffic.select == "all" or frame.data[6:12] == slot.mac
        ],
        shortest=slot.shortest,
        cpu=traffic.cpu,
    )


def _endpoint(slot: BaseSlot) -> Endpoint:
    host, _, nic = slot.name.partition(".")
    return Endpoint(host, nic)
