"""Rules about links: what they join, and what traffic can reach over them.

Like those of `checks` they look at the nodes of the document, and pass over
what the schema has refused already.
"""

from collections.abc import Callable, Collection, Iterator
from typing import TypeAlias

from ndisemu.errors import Problem
from ndisemu.scenario.document import Node, Place, below
from ndisemu.scenario.nic_checks import NicChecks

Known: TypeAlias = Callable[[Node], str | None]
"""Returns the name of a NIC or switch that there is, and reports one that there is not."""


class LinkChecks:
    """The links of one document, as far as known.

    `_peers` maps a linked NIC to the other end (None if that was refused) and
    the place of the link's mention of it; `_torn` says that some link has an
    end that is unknown.
    """

    __slots__ = ("_kinds", "_known", "_peers", "_switches", "_torn")

    def __init__(self, known: Known, switches: Collection[str], kinds: NicChecks) -> None:
        self._known = known
        self._switches = switches
        self._kinds = kinds
        self._peers: dict[str, tuple[str | None, Place]] = {}
        self._torn = False

    def link(self, link: Node) -> Iterator[Problem]:
        """Give what is wrong with a link, and remember what it joins."""
        ends = below(link, "between").items()
        if len(ends) != 2:
            self._torn = True
            return
        left, right = map(self._known, ends)
        self._torn |= left is None or right is None
        if left is not None and right is not None:
            if left == right or {left, right} <= {*self._switches}:
                yield ends[1].place.problem(self._unlinkable(left, right))
                self._peers.setdefault(left, (None, ends[0].place))
                return
            yield from self._kinds_of_ends(link, left, right)
        for name, peer, node in ((left, right, ends[0]), (right, left, ends[1])):
            if name is None or name in self._switches:
                continue
            if name not in self._peers:
                self._peers[name] = (peer, node.place)
            else:
                first = self._peers[name][1]
                text = f"{name} is on the link at {first.file}:{first.line}:{first.column} already; a NIC has one link"
                yield node.place.problem(text)

    def joined(self, sender: str, receiver: str, place: Place) -> Iterator[Problem]:
        """Give it if traffic cannot reach its receiver: they must be the two ends of a link, or on one switch."""
        if sender == receiver:
            yield place.problem(f"from and to are both {sender}; name the two ends of one link")
            return
        peers = []
        for name in (sender, receiver):
            peer, _ = self._peers.get(name, (None, place))
            if peer in (sender, receiver):
                return
            if peer is None and name not in self._switches and (name in self._peers or self._torn):
                return
            peers.append(peer)
        if peers[0] == peers[1] and peers[0] in self._switches:
            return
        fact = f"{sender} is linked with {peers[0]}" if peers[0] else f"{sender} is on no link"
        where = "the two ends of one link, nor on one switch" if self._switches else "the two ends of one link"
        yield place.problem(f"{sender} and {receiver} are not {where}; {fact}")

    def _unlinkable(self, left: str, right: str) -> str:
        if left == right and left not in self._switches:
            return f"{left} cannot be linked with itself; name two NICs"
        return f"{left} cannot be linked with the switch {right}; at least one end of a link is a NIC"

    def _kinds_of_ends(self, link: Node, left: str, right: str) -> Iterator[Problem]:
        """Give what the drivers of the ends do not let a link be."""
        if left in self._switches:
            left, right = right, left
        if right in self._switches:
            yield from self._kinds.on_switch(link, left, right)
        else:
            yield from self._kinds.link(link, left, right)
