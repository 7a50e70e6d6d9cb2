"""What a report has of a driver's own: the same in every run, fit for a terminal, and not endless."""

import pytest

from ndisemu.errors import RuleViolation, Unfinished, failure_of
from ndisemu.kernel import Kernel, shown
from ndisemu.kernel.finding import LONGEST_OBJECT, LONGEST_TEXT, plain


class Unspeakable(Exception):
    """What cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<object object at 0x7f12345678ab>", "<object object>"),
        ("<bound method f of <C object at 0x1c3e2a0>>", "<bound method f of <C object>>"),
        ("read 60 bytes at 0x4001000, which is free", "read 60 bytes at 0x4001000, which is free"),
        ("<Mdl 60/2048 bytes at 0x4001000>", "<Mdl 60/2048 bytes at 0x4001000>"),
        ("at 0x40 of the card", "at 0x40 of the card"),
        ("red \x1b[31m and\tmore", "red ?[31m and?more"),
        ("two\nlines", "two\nlines"),
        ("x" * 30, f"{'x' * 20}... (30 characters)"),
    ],
)
def test_a_text_is_made_plain(text: str, said: str) -> None:
    """No addresses of this process and no control characters; those of the card and of its host's memory stay."""
    assert plain(text, 20 if text.startswith("x") else 100) == said


def test_an_object_is_shown_as_far_as_it_goes() -> None:
    """One that cannot be shown is named by its class."""
    assert shown(Unspeakable()) == "an object of Unspeakable that cannot be shown"
    assert len(shown([0] * 10_000)) < LONGEST_OBJECT + 30
    assert shown(object()) == "<object object>"


def test_a_finding_is_made_plain() -> None:
    """Whatever a driver has put into it."""
    finding = Kernel().report("bugcheck", "nic", f"{object()} {'y' * 10_000}", about=Unspeakable())
    assert finding.text.startswith("<object object> yyy")
    assert len(finding.text) < LONGEST_TEXT + 30
    assert finding.about == "an object of Unspeakable that cannot be shown"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("wrong"), "MiniportHalt raised ValueError: wrong"),
        (Unspeakable(), "MiniportHalt raised Unspeakable: (it cannot be shown)"),
        (RuleViolation("st-illegal", "no"), "MiniportHalt raised RuleViolation: st-illegal: no"),
        (Unfinished("st-watchdog-halt", "has not returned"), "MiniportHalt has not returned"),
    ],
)
def test_a_failure_says_what_was_raised_or_why_there_was_no_end(error: Exception, said: str) -> None:
    """In one sentence about the routine."""
    assert failure_of("MiniportHalt", error) == said
