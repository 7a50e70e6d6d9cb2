"""Links to switches: what they may join, and what traffic reaches over them."""

from collections.abc import Callable

import pytest

Problems = Callable[..., list[str]]

# Two hosts on a switch, two on a cable, one on nothing; what a test adds comes after line 14.
HEAD = """\
version: 1
name: n
hosts:
  a: {nics: {eth0: {}}}
  b: {nics: {eth0: {}}}
  c: {nics: {eth0: {}}}
  d: {nics: {eth0: {}}}
  s: {nics: {eth0: {miniport: stream}, eth1: {}}}
switches:
  sw1: {ageing: 5s}
  hub1: {kind: hub}
links:
- {between: [a.eth0, sw1]}
- {between: [sw1, b.eth0]}
"""
CABLE = "- {between: [c.eth0, d.eth0]}\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("- {between: [c.eth0, sw2]}", ["15:22: there is no switch 'sw2' (did you mean 'sw1'?)"]),
        (
            "- {between: [c.eth0, attic]}",
            ["15:22: there is no switch 'attic'; a NIC is named with its host, as in a.eth0"],
        ),
        ("- {between: [a.eth0, hub1]}", ["15:14: a.eth0 is on the link at s.yaml:13:14 already; a NIC has one link"]),
        (
            "- {between: [hub1, sw1]}",
            ["15:20: hub1 cannot be linked with the switch sw1; at least one end of a link is a NIC"],
        ),
        (
            "- {between: [sw1, sw1]}",
            ["15:19: sw1 cannot be linked with the switch sw1; at least one end of a link is a NIC"],
        ),
        (
            "- {between: [hub1, s.eth0]}",
            ["15:13: s.eth0 has no card, and so no cable to hub1; it is linked with another NIC without one"],
        ),
        ("expect: [{that: sw1.drops.queue_full, equals: 0}]", []),
        (
            "expect: [{that: sw1.drops.queue, equals: 0}]",
            ["15:17: there is no counter 'sw1.drops.queue' (did you mean 'sw1.drops.queue_full'?)"],
        ),
        (
            "faults: [{at: 1s, on: sw1, do: link_down}]",
            ["15:23: on must be a host's NIC such as a.eth0, not the text 'sw1'"],
        ),
    ],
)
def test_a_wrong_link_to_a_switch_is_told(problems: Problems, lines: str, expected: list[str]) -> None:
    """A switch is linked with cards alone, and what is said of it must be of one that there is."""
    found = problems(f"{HEAD}{lines}\nx: 1\n")
    assert [problem for problem in found if "unknown key 'x'" not in problem] == expected


@pytest.mark.parametrize(
    ("ends", "fact"),
    [
        ("from: a.eth0, to: b.eth0", ""),
        ("from: b.eth0, to: sw1", ""),
        ("from: c.eth0, to: d.eth0", ""),
        ("from: a.eth0, to: c.eth0", "a.eth0 is linked with sw1"),
        ("from: c.eth0, to: a.eth0", "c.eth0 is linked with d.eth0"),
        ("from: c.eth0, to: sw1", "c.eth0 is linked with d.eth0"),
        ("from: a.eth0, to: hub1", "a.eth0 is linked with sw1"),
        ("from: s.eth1, to: s.eth0", "s.eth1 is on no link"),
    ],
)
def test_traffic_is_for_the_other_end_or_for_the_same_switch(problems: Problems, ends: str, fact: str) -> None:
    """Each of two NICs on one switch can reach the other, and all of them by naming the switch."""
    found = problems(f"{HEAD}{CABLE}traffic: [{{{ends}, kind: generator, frames: 1, size: 60}}]\nx: 1\n")
    told = [problem for problem in found if "unknown key 'x'" not in problem]
    sender, receiver = (end.partition(": ")[2] for end in ends.split(", "))
    text = f"16:30: {sender} and {receiver} are not the two ends of one link, nor on one switch; {fact}"
    assert told == ([text] if fact else [])


def test_only_made_up_traffic_is_for_all(problems: Problems) -> None:
    """A replay has addresses of its own, so its receiver is one NIC."""
    found = problems(f"{HEAD}traffic: [{{from: a.eth0, to: sw1, kind: replay, file: captures/web.pcapng}}]\n")
    assert found == ["15:30: to must be a host's NIC such as a.eth0, not the text 'sw1'"]


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ("a: {}", ["there is a host named a already"]),
        ("sw: {kind: hub, ageing: 5s}", ["ageing says nothing about a hub, which learns no addresses"]),
        ("sw: {kind: hub, addresses: 5}", ["addresses says nothing about a hub, which learns no addresses"]),
        ("sw: {queue: 0}", ["queue must be between 1 and 1000000, not 0"]),
        ("sw: {kind: router}", ["kind must be switch or hub, not the text 'router'"]),
        ("sw: {que: 1}", ["unknown key 'que' in switches.sw (did you mean 'queue'?)"]),
    ],
)
def test_a_switch_that_cannot_be_is_told(problems: Problems, switches: str, expected: list[str]) -> None:
    """Names, kinds and bounds of switches are checked like those of hosts."""
    found = problems(f"version: 1\nname: n\nhosts: {{a: {{nics: {{eth0: {{}}}}}}}}\nswitches: {{{switches}}}\n")
    assert [problem.partition(": ")[2] for problem in found] == expected
