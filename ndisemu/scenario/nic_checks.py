"""Rules about what a NIC can be told, linked with and made to carry, which its driver's row in the catalogue decides.

Like those of `checks` they look at the nodes of the document, and pass over
what the schema has refused already. A driver that is named by its class is
taken for one with a card, of either generation: nothing is imported to know
better, and what it cannot do the run tells.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from ndisemu.drivers.catalogue import MINIPORTS, Entry, Kind
from ndisemu.errors import Problem
from ndisemu.scenario.document import Node, Place, below
from ndisemu.scenario.names import FAULTS
from ndisemu.scenario.schema import RING

# Keys of a NIC that say nothing about one of that kind, and why.
_SENSELESS: Final[Mapping[Kind, tuple[tuple[str, ...], str]]] = {
    "WDM edge": (("tx_ring", "rx_ring", "itr", "shares_interrupt_with", "interrupt_cpu", "dpc_cpu"), "it has no card"),
    "connection-oriented": (("protocol", "filter", "hold"), "it is bound by call managers and their clients"),
}
_OF_CABLES: Final = ("rate", "delay", "mtu")


class NicChecks:
    """The rules for the NICs of one document, by their full names."""

    def __init__(self, nics: Mapping[str, Node]) -> None:
        self._nics = nics
        self._calling: dict[str, Place] = {}

    def keys(self, name: str) -> Iterator[Problem]:
        """Give each key of a NIC that its driver makes senseless."""
        entry = self._entry(name)
        keys, why = _SENSELESS.get(entry.kind, ((), "")) if entry else ((), "")
        for key in keys:
            place = self._nics[name].keys.get(key)
            if place is not None:
                yield place.problem(f"{key} says nothing about a NIC of the driver {self._word(name)}: {why}")
        other = below(self._nics[name], "shares_interrupt_with")
        neighbour = f"{name.partition('.')[0]}.{other.value}"
        if self._is_stream(neighbour):
            yield other.place.problem(f"{neighbour} has no card, and so no interrupt to share")

    def link(self, link: Node, left: str, right: str) -> Iterator[Problem]:
        """Give what is wrong with a link between two NICs that there are."""
        if self._is_stream(left) is not self._is_stream(right):
            card, stream = (right, left) if self._is_stream(left) else (left, right)
            text = f"{card} has a card and {stream} has none; a link joins two cards, or two NICs without one"
            yield below(link, "between").place.problem(text)
        elif self._is_stream(left):
            for key in _OF_CABLES:
                if (place := link.keys.get(key)) is not None:
                    text = f"{key} is that of a cable; what joins {left} and {right} is a stream, which has none"
                    yield place.problem(text)

    def on_switch(self, link: Node, name: str, switch: str) -> Iterator[Problem]:
        """Give what is wrong with a link between a NIC that there is and a switch."""
        if self._is_stream(name):
            text = f"{name} has no card, and so no cable to {switch}; it is linked with another NIC without one"
            yield below(link, "between").place.problem(text)

    def flow(self, flow: Node, sender: str, receiver: str) -> Iterator[Problem]:
        """Give what is wrong with traffic of that kind between two NICs that there are."""
        kind = below(flow, "kind")
        if not isinstance(kind.value, str):
            return
        calls = kind.value == "circuits"
        for name, key in ((sender, "from"), (receiver, "to")):
            entry = self._entry(name)
            if entry is None:
                continue
            has_circuits = entry.kind == "connection-oriented"
            place = below(flow, key).place
            if calls and not has_circuits:
                yield place.problem(f"{name} has no circuits, since its driver {self._word(name)} is connectionless")
            elif has_circuits and not calls:
                yield place.problem(f"{name} carries nothing but circuits; its traffic is of `kind: circuits`")
        if calls:
            yield from self._one_caller(flow, sender, receiver)

    def lists(self, flow: Node, sender: str) -> Iterator[Problem]:
        """Give the lists of frames that a NIC's protocol does not send, as it is one for NDIS 5."""
        protocol, entry = self._nics[sender].child("protocol"), self._entry(sender)
        if protocol is not None and protocol.value is not None:
            old = protocol.value == "v5"
        else:
            old = entry is not None and not entry.ndis.startswith("6")
        count = below(flow, "frames_per_list").value
        if old and isinstance(count, int) and count > 1:
            why = f"the protocol of {sender} sends packets of NDIS 5, one frame each"
            yield flow.keys["frames_per_list"].problem(f"frames_per_list is about lists of NDIS 6, and {why}")

    def fault(self, fault: Node, name: str) -> Iterator[Problem]:
        """Give what a NIC that there is lacks for a fault."""
        word, entry = below(fault, "do"), self._entry(name)
        if entry is None or not isinstance(word.value, str) or word.value not in FAULTS:
            return
        needs = FAULTS[word.value].needs
        if needs == "card" and entry.kind == "WDM edge":
            yield word.place.problem(
                f"{word.value} needs a card, and {name} has none under its driver {self._word(name)}"
            )
        elif needs == "NDIS 6" and not entry.ndis.startswith("6"):
            why = f"{self._word(name)} of {name} is a driver for NDIS {entry.ndis}"
            yield word.place.problem(f"{word.value} needs NDIS 6, and {why}")

    def _one_caller(self, flow: Node, sender: str, receiver: str) -> Iterator[Problem]:
        """Give the traffic whose NIC has a call manager already: it has one of them."""
        for name, key in ((sender, "from"), (receiver, "to")):
            place = below(flow, key).place
            if name in self._calling:
                first = self._calling[name]
                where = f"{first.file}:{first.line}:{first.column}"
                yield place.problem(f"{name} has circuits at {where} already; let `count` be more there")
            self._calling.setdefault(name, place)

    def _is_stream(self, name: str) -> bool:
        entry = self._entry(name)
        return entry is not None and entry.kind == "WDM edge"

    def _entry(self, name: str) -> Entry | None:
        """Return the catalogue's row of a NIC's driver; None for a class of the user's own."""
        return MINIPORTS.get(self._word(name))

    def _word(self, name: str) -> str:
        if name not in self._nics:
            return ""
        word = below(self._nics[name], "miniport").value
        return RING if word is None else word if isinstance(word, str) else ""
