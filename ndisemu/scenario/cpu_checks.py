"""Rules about processors and what their work costs: each that is named must be there, and each table must have a use.

Like those of `checks` they look at the nodes of the document, and pass over
what the schema has refused already.
"""

from collections.abc import Iterator, Mapping
from typing import TypeGuard

from ndisemu.errors import Problem
from ndisemu.scenario.document import Node, below
from ndisemu.scenario.fields import MOST_CPUS
from ndisemu.scenario.names import CPU


def check_processors(root: Node, nics: Mapping[str, Node]) -> Iterator[Problem]:
    """Give what is wrong with the processors of a document; `nics` are its NICs by their full names."""
    yield from _costs(root)
    for name, nic in nics.items():
        host, _, short = name.partition(".")
        if CPU.fullmatch(short):
            text = f"{short} is what a processor is called; call the NIC something else, such as eth0"
            yield below(root, "hosts", host, "nics").keys[short].problem(text)
        for key in ("interrupt_cpu", "dpc_cpu"):
            yield from _there(root, host, below(nic, key), key)
        yield from _one_line(host, nic, nics)
    for flow in below(root, "traffic").items():
        sender = below(flow, "from").value
        if isinstance(sender, str) and sender in nics:
            yield from _there(root, sender.partition(".")[0], below(flow, "cpu"), "cpu")


def _costs(root: Node) -> Iterator[Problem]:
    """Give each cost table of a run in real time, in which work takes the time that it takes."""
    if below(root, "clock").value != "real":
        return
    for part in (root, *below(root, "hosts").entries().values()):
        if below(part, "costs").value is not None:
            text = "costs are modelled time, which the real clock does not have; remove one of them"
            yield part.keys["costs"].problem(text)


def _there(root: Node, host: str, node: Node, key: str) -> Iterator[Problem]:
    """Give a processor that its host does not have."""
    count = below(root, "hosts", host, "cpus").value
    cpus = 1 if count is None else count
    if _is_number(node.value) and _is_number(cpus) and 1 <= cpus <= node.value < MOST_CPUS:
        last = f"0 to {cpus - 1}" if cpus > 1 else "0 alone"
        yield node.place.problem(f"{key} is {node.value}, and the processors of host {host} are {last}")


def _one_line(host: str, nic: Node, nics: Mapping[str, Node]) -> Iterator[Problem]:
    """Give a NIC that wants the interrupts of a line, which it shares, on a processor of its own."""
    mine, other = below(nic, "interrupt_cpu"), below(nic, "shares_interrupt_with").value
    neighbour = nics.get(f"{host}.{other}")
    if neighbour is None or not _is_number(mine.value):
        return
    theirs = below(neighbour, "interrupt_cpu").value
    if (0 if theirs is None else theirs) != mine.value:
        text = f"interrupt_cpu is that of the line, which it shares with {other}; say it there alone"
        yield mine.place.problem(text)


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
