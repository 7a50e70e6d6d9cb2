"""Claims about two cards on one interrupt line: each driver finds its own causes, and neither hides the other's."""

from collections.abc import Callable

import pytest

from ndisemu.hw import registers as reg
from tests.hw.conftest import Bench, Host, frame

Seen = list[tuple[str, int, int]]


@pytest.fixture
def cards(bench: Bench) -> tuple[Host, Host]:
    """Give two cards on one CPU and one line, ready to receive."""
    a = bench.host("a")
    b = bench.host("b", cpu=a.cpu, line=a.line)
    for card in (a, b):
        card.start()
        card.write(reg.IMS, reg.RXT0)
    return a, b


def driver(card: Host, seen: Seen, *, masks: bool = False) -> Callable[[], bool]:
    """Connect a service routine that claims its own card's causes, and those only."""

    def isr() -> bool:
        causes = card.read(reg.ICR) & reg.RXT0
        if causes:
            seen.append((card.nic.name, card.kernel.now, causes))
            if masks:
                card.write(reg.IMC, reg.RXT0)
        return bool(causes)

    card.line.connect(isr)
    return isr


@pytest.mark.parametrize("masks", [False, True])
def test_each_card_is_serviced_for_its_own_frames(cards: tuple[Host, Host], *, masks: bool) -> None:
    """Whether they come alone or at the same instant, each is served by its own driver, then."""
    a, b = cards
    seen: Seen = []
    for card in cards:
        driver(card, seen, masks=masks)
    b.arrive(frame(1), at=100)
    a.run(150)
    for card in cards:
        card.write(reg.IMS, reg.RXT0)
    a.arrive(frame(2), at=200)
    b.arrive(frame(3), at=200)
    a.run(1000)
    assert seen == [("b.eth0", 100, reg.RXT0), ("a.eth0", 200, reg.RXT0), ("b.eth0", 200, reg.RXT0)]
    assert (a.received(), b.received()) == ([frame(2)], [frame(1), frame(3)])
    assert (a.line.asserted, a.line.spurious, a.findings()) == (False, 0, [])


def test_the_line_is_the_or_of_both_cards(cards: tuple[Host, Host]) -> None:
    """It falls when the last of them lets go."""
    a, b = cards
    a.write(reg.ICS, reg.RXT0)
    b.write(reg.ICS, reg.RXT0)
    a.read(reg.ICR)
    assert (a.nic.causes.asserted, b.nic.causes.asserted, a.line.asserted) == (False, True, True)
    b.nic.hang()
    assert not a.line.asserted


def test_a_driver_that_leaves_does_not_take_the_other_along(cards: tuple[Host, Host]) -> None:
    """After its card is reset and its routine is gone, the line goes on serving the other."""
    a, b = cards
    seen: Seen = []
    first = driver(a, seen)
    driver(b, seen)
    a.write(reg.CTRL, reg.CTRL_RST)
    a.line.disconnect(first)
    b.arrive(frame(1), at=100)
    a.run(1000)
    assert seen == [("b.eth0", 100, reg.RXT0)]


def test_who_takes_all_ones_for_causes_locks_the_other_out(cards: tuple[Host, Host]) -> None:
    """A driver whose card was removed must not claim: the line then never reaches who could quiet it."""
    a, b = cards
    seen: Seen = []
    driver(a, seen)
    driver(b, seen)
    a.nic.remove()
    a.run(10)
    assert seen == []
    b.arrive(frame(1), at=100)
    a.run(1000)
    assert "b.eth0" not in [name for name, _, _ in seen]
    assert a.findings() == [("int-isr-ack", "a.irq")]
