"""What a NIC's driver rules out is told before anything runs, at its place, by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from ndisemu.scenario.load import load
from ndisemu.scenario.schema import Generator

Write = Callable[[str | bytes], Path]
Problems = Callable[..., list[str]]

# NICs of every kind; what a test adds comes after line 13.
HEAD: Final = """\
version: 1
name: n
hosts:
  a: {nics: {eth0: {}, eth1: {miniport: stream}, eth2: {miniport: ring6}}}
  b: {nics: {eth0: {}, eth1: {miniport: stream}, eth2: {miniport: ring6}}}
  d: {nics: {eth0: {miniport: vc}, eth1: {miniport: vc}}}
  c: {nics: {eth0: {}, eth1: {miniport: stream}, own: {miniport: {class: "mine:Mine"}}}}
links:
- {between: [a.eth0, b.eth0]}
- {between: [a.eth1, b.eth1]}
- {between: [a.eth2, b.eth2]}
- {between: [c.own, c.eth0]}
- {between: [d.eth0, d.eth1]}
"""


@pytest.fixture
def more(problems: Problems) -> Callable[[str], list[str]]:
    """Return a function that tells what is wrong when a part is added."""
    return lambda part: problems(HEAD + part)


@pytest.mark.parametrize("word", ["hang", "link_down", "link_up", "surprise_remove"])
def test_what_happens_to_a_card_cannot_happen_to_a_nic_without_one(more: Callable[[str], list[str]], word: str) -> None:
    """The fault and the NIC are named where the word stands."""
    text = f"15:29: {word} needs a card, and a.eth1 has none under its driver stream"
    assert more(f"faults:\n- {{at: 1ms, on: a.eth1, do: {word}}}\n") == [text]


@pytest.mark.parametrize("word", ["pause", "restart"])
def test_a_driver_for_ndis_5_is_not_paused(more: Callable[[str], list[str]], word: str) -> None:
    """Its generation is told."""
    text = f"15:29: {word} needs NDIS 6, and ring of a.eth0 is a driver for NDIS 5.1"
    assert more(f"faults:\n- {{at: 1ms, on: a.eth0, do: {word}}}\n") == [text]


@pytest.mark.parametrize(
    ("on", "do"),
    [
        ("a.eth1", "reset"),
        ("a.eth1", "stop"),
        ("a.eth1", "shared_memory_fails"),
        ("a.eth2", "pause"),
        ("c.own", "pause"),
        ("c.own", "hang"),
    ],
)
def test_what_may_happen_is_admitted(write: Write, on: str, do: str) -> None:
    """A class of the user's own is given the benefit of the doubt."""
    assert load(write(f"{HEAD}faults:\n- {{at: 1ms, on: {on}, do: {do}}}\n")).faults[0].do == do


@pytest.mark.parametrize("ends", ["b.idle, c.eth1", "c.eth1, b.idle"])
def test_a_link_joins_two_of_a_kind(problems: Problems, ends: str) -> None:
    """A card's cable does not fit a NIC without a card, whichever of them is named first."""
    text = HEAD.replace("b: {nics: {", "b: {nics: {idle: {}, ") + f"- {{between: [{ends}]}}\n"
    what = "14:13: b.idle has a card and c.eth1 has none; a link joins two cards, or two NICs without one"
    assert problems(text) == [what]


@pytest.mark.parametrize("key", ["rate: 1Gbit/s", "delay: 5us", "mtu: 1500"])
def test_a_stream_has_nothing_of_a_cable(problems: Problems, key: str) -> None:
    """Rate, delay and MTU belong to cables; each is told where it stands."""
    name = key.partition(":")[0]
    text = HEAD.replace("- {between: [a.eth1, b.eth1]}", f"- {{between: [a.eth1, b.eth1], {key}}}")
    what = f"10:31: {name} is that of a cable; what joins a.eth1 and b.eth1 is a stream, which has none"
    assert problems(text) == [what]


@pytest.mark.parametrize("key", ["tx_ring: 64", "rx_ring: 64", "itr: 5us", "shares_interrupt_with: eth0"])
def test_a_nic_without_a_card_has_no_keys_of_cards(problems: Problems, key: str) -> None:
    """Rings and interrupts are told to be senseless where their key stands."""
    name = key.partition(":")[0]
    text = HEAD.replace(
        "c: {nics: {eth0: {}, eth1: {miniport: stream}", f"c: {{nics: {{eth0: {{}}, eth1: {{miniport: stream, {key}}}"
    )
    assert problems(text) == [f"7:49: {name} says nothing about a NIC of the driver stream: it has no card"]


def test_a_card_shares_no_interrupt_with_a_nic_that_has_none(problems: Problems) -> None:
    """The neighbour is named."""
    text = HEAD.replace("c: {nics: {eth0: {}", "c: {nics: {eth0: {shares_interrupt_with: eth1}")
    assert problems(text) == ["7:44: c.eth1 has no card, and so no interrupt to share"]


CALLS: Final = "- {from: %s, to: %s, kind: circuits, frames: 1, size: 64}\n"


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (CALLS % ("d.eth0", "d.eth1"), []),
        (
            CALLS % ("a.eth0", "b.eth0"),
            [
                "15:10: a.eth0 has no circuits, since its driver ring is connectionless",
                "15:22: b.eth0 has no circuits, since its driver ring is connectionless",
            ],
        ),
        (
            2 * (CALLS % ("d.eth0", "d.eth1")),
            [
                "16:10: d.eth0 has circuits at s.yaml:15:10 already; let `count` be more there",
                "16:22: d.eth1 has circuits at s.yaml:15:22 already; let `count` be more there",
            ],
        ),
        (
            "- {from: d.eth0, to: d.eth1, kind: generator, frames: 1, size: 64}\n",
            [
                "15:10: d.eth0 carries nothing but circuits; its traffic is of `kind: circuits`",
                "15:22: d.eth1 carries nothing but circuits; its traffic is of `kind: circuits`",
            ],
        ),
        (
            "- {from: d.eth0, to: d.eth1, kind: circuits, frames: 1, size: 9000}\n",
            ["15:63: frame size 9000 is above 1514, the MTU of 1500 plus the 14-byte header"],
        ),
    ],
    ids=["right", "no circuits", "twice", "no calls", "too long"],
)
def test_circuits_are_between_connection_oriented_drivers(
    problems: Problems, write: Write, flow: str, expected: list[str]
) -> None:
    """Calls need circuits, circuits carry nothing but calls, and a NIC has one call manager."""
    text = f"{HEAD}traffic:\n{flow}"
    if expected:
        assert problems(text) == expected
    else:
        assert load(write(text)).traffic[0].kind == "circuits"


@pytest.mark.parametrize("key", ["protocol: v5", "filter: [promiscuous]"])
def test_a_nic_of_circuits_has_no_station(problems: Problems, key: str) -> None:
    """No protocol of the usual kind is bound to it, so nothing can be said of one."""
    text = HEAD.replace("d: {nics: {eth0: {miniport: vc}", f"d: {{nics: {{eth0: {{miniport: vc, {key}}}")
    name, why = key.partition(":")[0], "it is bound by call managers and their clients"
    assert problems(text) == [f"6:35: {name} says nothing about a NIC of the driver vc: {why}"]


FLOW: Final = "traffic:\n- {{from: {}, to: {}, kind: generator, frames: 9, size: 60, frames_per_list: 4}}\n"
NICS: Final = {"eth0": "{%s}", "eth1": "{miniport: stream, %s}", "eth2": "{miniport: ring6, %s}"}


def lists_from(nic: str, protocol: str) -> str:
    """Return a scenario in which a NIC, which has this key, sends lists of several frames."""
    there = ", ".join(f"{name}: {kind % (protocol if name == nic else '')}" for name, kind in NICS.items())
    text = HEAD.replace("eth0: {}, eth1: {miniport: stream}, eth2: {miniport: ring6}", there, 1)
    return text + FLOW.format(f"a.{nic}", f"b.{nic}")


@pytest.mark.parametrize(
    ("nic", "protocol"), [("eth0", ""), ("eth1", ""), ("eth2", "protocol: v5"), ("eth0", "protocol: null")]
)
def test_protocols_of_ndis_5_send_no_lists_of_frames(problems: Problems, nic: str, protocol: str) -> None:
    """Whatever the miniport is for, it is the protocol that sends them, by default one of the miniport's generation."""
    (problem,) = problems(lists_from(nic, protocol))
    assert problem.split(": ", 1)[1] == (
        f"frames_per_list is about lists of NDIS 6, and the protocol of a.{nic} sends packets of NDIS 5, one frame each"
    )


@pytest.mark.parametrize("kind", ["circuits", "replay"])
def test_lists_of_frames_are_told_once_where_they_are_no_key(problems: Problems, kind: str) -> None:
    """Other traffic than a generator's does not know them, and no more is said."""
    text = HEAD + FLOW.format("d.eth0", "d.eth1").replace("generator", kind)
    about = [problem for problem in problems(text) if "frames_per_list" in problem.partition("; the keys here")[0]]
    assert [problem.split(": ", 1)[1][:29] for problem in about] == ["unknown key 'frames_per_list'"]


def test_a_list_of_one_frame_is_as_good_as_a_packet(write: Write) -> None:
    """It is the default, and may be written down for any protocol."""
    (flow,) = load(write(lists_from("eth0", "").replace("frames_per_list: 4", "frames_per_list: 1"))).traffic
    assert isinstance(flow, Generator)
    assert flow.frames_per_list == 1


@pytest.mark.parametrize(
    ("nic", "protocol"), [("eth2", ""), ("eth0", "protocol: v6"), ("eth0", "protocol: {class: 'mine:Mine'}")]
)
def test_protocols_of_ndis_6_send_lists_of_frames(write: Write, nic: str, protocol: str) -> None:
    """And one of the user's own is given the benefit of the doubt."""
    (flow,) = load(write(lists_from(nic, protocol))).traffic
    assert isinstance(flow, Generator)
    assert flow.frames_per_list == 4
