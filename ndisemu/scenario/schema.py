"""The keys of the scenario language, what they mean, and their defaults.

These models are the language: the messages, the JSON Schema for editors and
the emulation all read them. A scenario that was loaded holds what the
emulation counts in (nanoseconds, bits per second, six-byte addresses), never
the text that was written, and cannot be changed.

Not here: rules about several values at once, such as that a link's ends exist
(see `checks`); a model by itself does not enforce them.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, PrivateAttr, model_validator

from ndisemu.link.relay import DEFAULT_QUEUE
from ndisemu.link.switch import ADDRESSES, AGEING
from ndisemu.scenario import fields
from ndisemu.scenario.bounds import Between, OneOf, refusal
from ndisemu.scenario.fields import Endpoint, Many, Name
from ndisemu.scenario.named import Costs, CostTable, Miniport, NamedMiniport, NamedProtocol, Part, Protocol
from ndisemu.scenario.names import FAULTS

DEFAULT_MTU: Final = 1500
"""The MTU of NICs and links in a scenario that says nothing about it."""

RING: Final = "ring"
"""The miniport of a NIC that names none."""

FilterName: TypeAlias = Literal["directed", "multicast", "all-multicast", "broadcast", "promiscuous"]
"""A packet filter by its NDIS name."""


class Nic(Part):
    """A network card and its driver."""

    mac: fields.Mac | None = None
    """The card's address; by default one that is derived from its name."""
    miniport: NamedMiniport = Miniport.model_construct(path=RING)
    """The driver: the name of one that comes with ndisemu, such as `ring`, or a class of your own."""
    protocol: NamedProtocol | None = None
    """The protocol that carries the traffic over it: `v5` or `v6`, or a class of your own; by default the miniport's generation."""
    tx_ring: fields.RingSize = 256
    """How many descriptors the transmit ring has; one of them stays free."""
    rx_ring: fields.RingSize = 256
    """How many descriptors the receive ring has; one of them stays free."""
    itr: fields.Interval = 0
    """The least time between two interrupts; 0 leaves interrupts unmoderated."""
    mtu: fields.Mtu | None = None
    """The longest payload; by default the scenario's."""
    filter: Many[FilterName] = ("directed", "broadcast")
    """Which frames the traffic's protocol asks for (OID_GEN_CURRENT_PACKET_FILTER)."""
    hold: fields.Duration = 0
    """How long the traffic's protocol keeps each received packet before it returns it to the miniport."""
    shares_interrupt_with: Name | None = None
    """Another NIC of the host, on whose interrupt line it is, too."""
    interrupt_cpu: fields.Processor | None = None
    """The processor that serves its interrupts: 0, or that of the NIC whose line it shares."""
    dpc_cpu: fields.Processor | None = None
    """The processor on which the DPC behind an interrupt runs; by default the one that took the interrupt."""
    parameters: dict[fields.Parameter, fields.Setting] = Field(default_factory=dict)
    """What the driver reads from its configuration besides, by name."""


class Host(Part):
    """A machine with processors, memory and cards."""

    cpus: Annotated[int, Between(1, fields.MOST_CPUS)] = 1
    """How many processors it has."""
    memory: fields.Memory = 64 << 20
    """How much memory its drivers and cards share."""
    costs: Costs | None = None
    """What work takes its processors; by default the scenario's table."""
    nics: dict[Name, Nic]
    """Its cards, by name."""


class Switch(Part):
    """A switch or hub, with as many ports as links."""

    kind: Literal["switch", "hub"] = "switch"
    """Whether it learns where addresses are, or sends everything everywhere."""
    queue: Annotated[int, Between(1, 10**6)] = DEFAULT_QUEUE
    """How many frames wait at a port before those behind are dropped."""
    latency: fields.Duration = 0
    """How long it looks at a frame that has arrived before that may leave."""
    ageing: fields.Span = AGEING
    """After what time it forgets an address that it does not hear of."""
    addresses: Annotated[int, Between(0, 10**6)] = ADDRESSES
    """How many addresses it can remember."""


class Link(Part):
    """A cable between two NICs, or from a NIC to a switch."""

    between: fields.Ends
    """What is at its ends."""
    rate: fields.Rate = 10**9
    """How fast it is in each direction, or `unlimited`."""
    delay: fields.Duration = 0
    """How long a bit travels."""
    mtu: fields.Mtu | None = None
    """The longest payload that it carries; by default the scenario's."""


class Generator(Part):
    """Traffic that is made up, frame after frame."""

    source: fields.NicName = Field(alias="from")
    """The NIC that sends."""
    destination: fields.EndName = Field(alias="to")
    """The NIC at the other end or on the same switch, or that switch, for all NICs on it (broadcast)."""
    kind: Literal["generator"]
    """Made-up frames."""
    frames: Annotated[int, Between(1, 10**12)]
    """How many frames are sent."""
    size: fields.Sizes
    """A size in bytes with the header, a list of them to go through in turn, or `imix`."""
    priority: fields.Priorities = ()
    """An 802.1p priority from 0 to 7 (1 is the lowest, 7 the highest, 0 between 2 and 3), or several that packets or lists have in turn."""
    burst: Annotated[int, Between(1, 1024)] = 64
    """How many frames one send call submits."""
    frames_per_list: Annotated[int, Between(1, 1024)] = 1
    """How many frames of a burst go into one NET_BUFFER_LIST, where the sender's protocol is for NDIS 6; a list ends with its burst."""
    every: fields.Span | None = None
    """The time from one burst to the next; by default the next is sent when the window has room."""
    start: fields.Duration = 0
    """When the first burst is sent."""
    window: Annotated[int, Between(1, 10**6)] | None = None
    """How many frames may be in flight."""
    cpu: fields.Processor | None = None
    """The processor of the sending host on which they are sent; by default the one that serves the NIC's interrupts."""


class Replay(Part):
    """Traffic that was captured, at the times at which it was."""

    source: fields.NicName = Field(alias="from")
    """The NIC that sends."""
    destination: fields.NicName = Field(alias="to")
    """The NIC at the other end."""
    kind: Literal["replay"]
    """Captured frames."""
    file: fields.Line
    """The capture, pcapng or pcap; a relative path begins at the scenario file."""
    select: Literal["all", "source-mac"] = "all"
    """Which frames: all of them, or those whose source is the sending NIC's address."""
    start: fields.Duration = 0
    """When the capture begins."""
    cpu: fields.Processor | None = None
    """The processor of the sending host on which they are sent; by default the one that serves the NIC's interrupts."""


class Circuits(Part):
    """Calls between two connection-oriented NICs, and traffic both ways on each of them."""

    source: fields.NicName = Field(alias="from")
    """The NIC that calls."""
    destination: fields.NicName = Field(alias="to")
    """The NIC that is called, at the other end."""
    kind: Literal["circuits"]
    """Made-up frames on circuits."""
    count: Annotated[int, Between(1, 1000)] = 1
    """How many calls are made, each with a circuit of its own."""
    frames: Annotated[int, Between(1, 10**12)]
    """How many frames each end of a call sends."""
    size: fields.Sizes
    """A size in bytes with the header, a list of them to go through in turn, or `imix`."""
    burst: Annotated[int, Between(1, 1024)] = 16
    """How many packets one send call submits."""


Traffic: TypeAlias = Annotated[Generator | Replay | Circuits, Field(discriminator="kind")]
"""Flows of frames over one link."""


class Fault(Part):
    """Something that is done to a NIC at its time, and undone where that has a time, too."""

    at: fields.Duration
    """When it begins."""
    on: fields.NicName
    """The NIC that it is done to."""
    do: Annotated[str, OneOf(FAULTS)]
    """What is done."""
    lasts: fields.Span | None = Field(None, alias="for")
    """After what time it is undone; by default it stays."""
    every: fields.Span | None = None
    """The time from one beginning to the next, where it happens several times."""
    times: Annotated[int, Between(1, 10_000)] = 1
    """How many times it happens."""


class Capture(Part):
    """Which wires are recorded."""

    interfaces: fields.Interfaces
    """A list of NICs, or `all`, which is None here."""


class Expectation(Part):
    """A statement about the result that makes the run fail if it is false."""

    that: fields.Counter
    """The name of a number in the result, such as a.eth0.sends.completed."""
    equals: fields.Number | None = None
    """What the number must be."""
    at_least: fields.Number | None = None
    """What it must not be below."""
    at_most: fields.Number | None = None
    """What it must not be above."""

    @model_validator(mode="after")
    def _one_comparison(self) -> "Expectation":
        given = [name for name in ("equals", "at_least", "at_most") if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise refusal(f"must have one of equals, at_least and at_most, not {said}")
        return self

    def holds(self, value: float) -> bool:
        """Whether the number in the result is as expected."""
        if self.equals is not None:
            return value == self.equals
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is not None and value <= self.at_most

    def __str__(self) -> str:
        for word, bound in (("=", self.equals), ("at least", self.at_least), ("at most", self.at_most)):
            if bound is not None:
                return f"{self.that} {word} {bound}"
        return self.that


class Scenario(Part):
    """One run: hosts, their links, what they send, and what must come of it."""

    version: fields.Version
    """The version of the language."""
    name: fields.Line
    """What the run shows, for people."""
    seed: Annotated[int, Between(0, 2**64 - 1)] = 0
    """What every random choice is derived from."""
    clock: Literal["virtual", "real"] = "virtual"
    """Whether time jumps from event to event or passes as outside."""
    duration: fields.Span | None = None
    """How long the run takes; without it, until nothing is left to do."""
    until: Literal["idle"] | None = None
    """The other way to end a run, and the default: when nothing is left to do."""
    mtu: fields.Mtu = DEFAULT_MTU
    """The MTU of NICs and links that have none of their own."""
    costs: Costs | None = None
    """What work takes the processors of hosts that have no table of their own; without one, no time at all."""
    hosts: dict[Name, Host]
    """The machines, by name."""
    switches: dict[Name, Switch] = Field(default_factory=dict)
    """What joins more than two NICs, by name."""
    links: Many[Link] = ()
    """The cables; a NIC is on one of them at most."""
    traffic: Many[Traffic] = ()
    """What is sent."""
    faults: Many[Fault] = ()
    """What goes wrong, and when."""
    capture: Capture | None = None
    """What is recorded as pcapng."""
    expect: Many[Expectation] = ()
    """What must be true of the result."""

    _path: Path = PrivateAttr(default=Path())
    _source_sha256: str = PrivateAttr(default="")

    def located(self, path: Path, source_sha256: str) -> "Scenario":
        """Return the same scenario with the file that it came from."""
        copy = self.model_copy()
        copy._path, copy._source_sha256 = path, source_sha256
        return copy

    @property
    def path(self) -> Path:
        """The file that the scenario was loaded from."""
        return self._path

    @property
    def source_sha256(self) -> str:
        """The hash of the file and of the overrides: equal for equal scenarios."""
        return self._source_sha256

    def nic(self, endpoint: Endpoint) -> Nic:
        """Return the NIC of that name."""
        return self.hosts[endpoint.host].nics[endpoint.nic]

    def costs_of(self, host: Host) -> CostTable | None:
        """Return a host's own cost table, or the scenario's; None: its work takes no time."""
        return self.costs if host.costs is None else host.costs

    def mtu_of(self, part: Nic | Link) -> int:
        """Return a NIC's or link's own MTU, or the scenario's."""
        return self.mtu if part.mtu is None else part.mtu

    def capture_path(self, replay: Replay) -> Path:
        """Return where the capture of a replay is."""
        return self.path.parent / replay.file


PARTS: Final[Mapping[tuple[str, ...], type[Part]]] = MappingProxyType(
    {
        (): Scenario,
        ("costs",): CostTable,
        ("hosts", "*"): Host,
        ("hosts", "*", "costs"): CostTable,
        ("hosts", "*", "nics", "*"): Nic,
        ("hosts", "*", "nics", "*", "miniport"): Miniport,
        ("hosts", "*", "nics", "*", "protocol"): Protocol,
        ("switches", "*"): Switch,
        ("links", "*"): Link,
        ("traffic", "*", "generator"): Generator,
        ("traffic", "*", "replay"): Replay,
        ("traffic", "*", "circuits"): Circuits,
        ("faults", "*"): Fault,
        ("capture",): Capture,
        ("expect", "*"): Expectation,
    }
)
"""Which map of the language stands where; `*` is any name or index, and traffic goes on with its kind."""
