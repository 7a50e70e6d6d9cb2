"""Rules about several values of a scenario at once.

They are checked on the nodes of the document, not on the finished models: so a
wrong number in one place does not hide a dangling name in another. What the
schema has refused already is passed over here in silence, and so is what only
follows from it.

Not here: anything that would import a driver, or that only the run shows.
"""

from pathlib import Path
from typing import Final

from ndisemu.errors import Problem, UsageError
from ndisemu.frame.capture import CaptureError, iterate_capture
from ndisemu.frame.ethernet import HEADER, format_mac, parse_mac
from ndisemu.ndis import Status
from ndisemu.scenario.cpu_checks import check_processors
from ndisemu.scenario.document import Node, Place, below
from ndisemu.scenario.fault_checks import check_fault
from ndisemu.scenario.fields import COUNTER, IMIX, LINE, MAX_MTU, MIN_MTU, MOST_CPUS, NAME, Endpoint
from ndisemu.scenario.link_checks import LinkChecks
from ndisemu.scenario.names import CPU_COUNTERS, NIC_COUNTERS, RUN_COUNTERS, SEND_FAILURES, SWITCH_COUNTERS, VIOLATIONS
from ndisemu.scenario.nic_checks import NicChecks
from ndisemu.scenario.schema import DEFAULT_MTU
from ndisemu.scenario.words import listed, meant, quoted
from ndisemu.verifier import by_id

# Where an Ethernet frame has its source address.
_SOURCE: Final = slice(6, 12)
# A file with more problems is broken as a whole, and searching for nearest names would only take time.
_HINTED: Final = 100


def check(root: Node, base: Path) -> list[Problem]:
    """Return what is wrong between the values of a document; captures are looked for from `base` on."""
    checks = _Checks(root, base)
    checks.end_of_run()
    checks.names()
    for host in below(root, "hosts").entries().values():
        checks.interrupts(below(host, "nics"))
    for nic in checks.nics:
        checks.problems += checks.kinds.keys(nic)
    checks.problems += check_processors(root, checks.nics)
    for link in checks.items("links"):
        checks.problems += checks.links.link(link)
    for flow in checks.items("traffic"):
        checks.flow(flow)
    for fault in checks.items("faults"):
        victim = checks.known(below(fault, "on"))
        if victim is not None:
            checks.problems += checks.kinds.fault(fault, victim)
        checks.problems += check_fault(fault, below(root, "duration"))
    for name in below(root, "capture", "interfaces").items():
        checks.known(name)
    for expectation in checks.items("expect"):
        checks.counter(below(expectation, "that"))
    return checks.problems


def _whole(node: Node) -> int | None:
    """Return a whole number; to Python, true and false are such numbers, to a scenario they are not."""
    return node.value if isinstance(node.value, int) and not isinstance(node.value, bool) else None


def _is_map(node: Node) -> bool:
    return isinstance(node.value, dict)


class _Checks:
    """The NICs and switches of a document by name, its links, and the problems found.

    `unread` holds the hosts whose NICs cannot be told; `hosts_read` is false if not even the
    hosts can.
    """

    __slots__ = ("base", "captures", "hosts_read", "kinds", "links", "nics", "problems", "root", "switches", "unread")

    def __init__(self, root: Node, base: Path) -> None:
        self.root = root
        self.base = base
        self.problems: list[Problem] = []
        self.captures: dict[str, tuple[bytes, ...] | CaptureError] = {}
        hosts = below(root, "hosts")
        self.hosts_read = _is_map(hosts)
        self.unread = [name for name, host in hosts.entries().items() if not _is_map(below(host, "nics"))]
        self.nics = {
            f"{host}.{nic}": node
            for host, parts in hosts.entries().items()
            for nic, node in below(parts, "nics").entries().items()
        }
        self.switches = below(root, "switches").entries()
        self.kinds = NicChecks(self.nics)
        self.links = LinkChecks(self.end, self.switches, self.kinds)

    def items(self, key: str) -> list[Node]:
        return below(self.root, key).items()

    def end_of_run(self) -> None:
        until, duration = below(self.root, "until"), below(self.root, "duration")
        if until.value is not None and duration.value is not None:
            self.problems.append(until.place.problem("until and duration exclude each other; keep one of them"))

    def names(self) -> None:
        """Report a switch that is named like a host, since counters would not tell them apart, and a hub that learns."""
        hosts = below(self.root, "hosts").entries()
        for name, switch in self.switches.items():
            if name in hosts:
                place = below(self.root, "switches").keys.get(name, switch.place)
                self.problems.append(place.problem(f"there is a host named {name} already"))
            for key in ("ageing", "addresses") if below(switch, "kind").value == "hub" else ():
                if (said := switch.keys.get(key)) is not None:
                    self.problems.append(said.problem(f"{key} says nothing about a hub, which learns no addresses"))

    def end(self, node: Node) -> str | None:
        """Return the name of a NIC or a switch that there is; report a name that nothing has."""
        if not isinstance(node.value, str) or NAME.fullmatch(node.value) is None:
            return self.known(node)
        if node.value in self.switches:
            return node.value
        hint = meant(node.value, self.switches) or "; a NIC is named with its host, as in a.eth0"
        self.problems.append(node.place.problem(f"there is no switch {node.value!r}{hint}"))
        return None

    def known(self, node: Node) -> str | None:
        """Return the name of a NIC that there is; report a name that nothing has."""
        endpoint = Endpoint.parse(node.value) if isinstance(node.value, str) else None
        if endpoint is None:
            return None
        name = str(endpoint)
        if name in self.nics:
            return name
        if self.hosts_read and endpoint.host not in self.unread:
            self.problems.append(node.place.problem(f"there is no NIC {name!r}{self._hint(name)}"))
        return None

    def _hint(self, name: str) -> str:
        if not self.nics or len(self.problems) > _HINTED:
            return ""
        return meant(name, self.nics) or f"; the NICs are {listed(self.nics)}"

    def interrupts(self, nics: Node) -> None:
        """Report a NIC that shares its interrupt with itself or with one that is not in its host."""
        for name, nic in nics.entries().items():
            other = below(nic, "shares_interrupt_with")
            if other.value == name:
                self.problems.append(other.place.problem(f"{name} cannot share an interrupt with itself; name another"))
            elif isinstance(other.value, str) and NAME.fullmatch(other.value) and other.value not in nics.entries():
                hint = meant(other.value, nics.entries()) or f"; its NICs are {listed(nics.entries())}"
                self.problems.append(other.place.problem(f"there is no NIC {other.value!r} in this host{hint}"))

    def counter(self, node: Node) -> None:
        """Report an expectation about a number that no result has."""
        if not isinstance(node.value, str) or not COUNTER.fullmatch(node.value) or node.value in RUN_COUNTERS:
            return
        nic, counter = ".".join(node.value.split(".")[:2]), ".".join(node.value.split(".")[2:])
        if (nic in self.nics and counter in NIC_COUNTERS) or (counter in CPU_COUNTERS and nic in self._processors()):
            return
        if node.value.startswith(VIOLATIONS):
            self._rule(node.place, node.value.removeprefix(VIOLATIONS))
            return
        switch, _, counter_of_switch = node.value.partition(".")
        if switch in self.switches and counter_of_switch in SWITCH_COUNTERS:
            return
        if nic in self.nics and counter.startswith(SEND_FAILURES):
            self._status(node.place, counter.removeprefix(SEND_FAILURES))
            return
        if self.hosts_read and not self.unread and len(self.problems) <= _HINTED:
            known = [*RUN_COUNTERS, *(f"{name}.{one}" for name in self.nics for one in NIC_COUNTERS)]
            known += [f"{name}.{one}" for name in self.switches for one in SWITCH_COUNTERS]
            known += [f"{name}.{one}" for name in self._processors() for one in CPU_COUNTERS]
            hint = (
                meant(node.value, known) or f"; try {listed([*RUN_COUNTERS, 'a NIC such as a.eth0.sends.completed'])}"
            )
            self.problems.append(node.place.problem(f"there is no counter {node.value!r}{hint}"))

    def _processors(self) -> list[str]:
        """Return the names of all processors, as far as their numbers can be read."""
        counts = {name: below(host, "cpus") for name, host in below(self.root, "hosts").entries().items()}
        numbers = {name: 1 if node.value is None else _whole(node) or 1 for name, node in counts.items()}
        return [f"{name}.cpu{place}" for name, count in numbers.items() for place in range(min(count, MOST_CPUS))]

    def _status(self, place: Place, name: str) -> None:
        """Report a status that NDIS does not have."""
        known = [str(status) for status in Status]
        if name not in known:
            hint = meant(name, known) or "; ndisemu list statuses has them all"
            self.problems.append(place.problem(f"there is no status {quoted(name)}{hint}"))

    def _rule(self, place: Place, name: str) -> None:
        """Report a rule that is not checked."""
        if name not in by_id():
            hint = meant(name, by_id()) or "; ndisemu list rules has them all"
            self.problems.append(place.problem(f"there is no rule {quoted(name)} that is checked{hint}"))

    def flow(self, flow: Node) -> None:
        kind = below(flow, "kind").value
        to = below(flow, "to")
        sender, receiver = self.known(below(flow, "from")), self.end(to) if kind == "generator" else self.known(to)
        if sender is not None and receiver is not None:
            self.problems += self.links.joined(sender, receiver, to.place)
            self.problems += self.kinds.flow(flow, sender, receiver)
        if kind in {"generator", "circuits"} and sender is not None:
            self._sizes(below(flow, "size"), self.nics[sender])
            if kind == "generator":
                self.problems += self.kinds.lists(flow, sender)
        elif kind == "replay":
            self._replay(flow, sender)

    def _sizes(self, sizes: Node, nic: Node) -> None:
        own = nic.child("mtu") or self.root.child("mtu")
        mtu = DEFAULT_MTU if own is None or own.value is None else _whole(own)
        if mtu is None or not MIN_MTU <= mtu <= MAX_MTU:
            return
        most = mtu + HEADER
        for node in sizes.items() or [sizes]:
            size = max(IMIX) if node.value == "imix" else _whole(node)
            if size is not None and size > most:
                what = f"frame size {size}" if node.value == size else f"the largest frame of imix, {size},"
                why = f"the MTU of {mtu} plus the {HEADER}-byte header"
                self.problems.append(node.place.problem(f"{what} is above {most}, {why}"))

    def _replay(self, flow: Node, sender: str | None) -> None:
        file, select = below(flow, "file"), below(flow, "select")
        if not isinstance(file.value, str) or LINE.fullmatch(file.value) is None:
            return
        found = self._sources(file.value)
        if isinstance(found, CaptureError):
            self.problems.append(file.place.problem(str(found)))
        if select.value != "source-mac" or sender is None:
            return
        mac = below(self.nics[sender], "mac").value
        if mac is None:
            text = f"source-mac compares with the mac of {sender}, which has none; give it one, or select all"
            self.problems.append(select.place.problem(text))
        elif isinstance(mac, str) and isinstance(found, tuple):
            self._selects_some(select.place, mac, sender, found)

    def _selects_some(self, place: Place, mac: str, sender: str, found: tuple[bytes, ...]) -> None:
        try:
            address = parse_mac(mac)
        except UsageError:
            return
        if address not in found:
            there = f"those there are {listed(map(format_mac, found))}" if found else "it has no frames at all"
            text = f"no frame of the capture has the source {format_mac(address)}, the mac of {sender}; {there}"
            self.problems.append(place.problem(text))

    def _sources(self, file: str) -> tuple[bytes, ...] | CaptureError:
        """Return the source addresses in a capture, or why it cannot be read; each is read once."""
        if file not in self.captures:
            try:
                frames = iterate_capture(self.base / file)
                self.captures[file] = tuple(dict.fromkeys(frame.data[_SOURCE] for frame in frames))
            except CaptureError as error:
                self.captures[file] = error
        return self.captures[file]
