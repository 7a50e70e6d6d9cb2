"""The words of messages: how a value is named, and which word was meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nsmallest
from typing import Final

_SHOWN: Final = 40
_LISTED: Final = 16
# Longer words are no slips of the pen, and comparing them only costs time.
_COMPARED: Final = 80
# Comparing is slow, and a large scenario has thousands of names: of so many, only those that begin alike.
_CHOICES: Final = 200


def quoted(text: str) -> str:
    """Return text in quotes on one line, cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def described(value: object) -> str:
    """Name a value of a document for the end of a sentence, as in `the text 'many'`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    return "a map" if isinstance(value, dict) else "a list"


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice that a word was probably meant to be, or None."""
    if len(word) > _COMPARED:
        return None
    candidates = nsmallest(_CHOICES, choices, key=lambda choice: (-_alike(word, choice), choice))
    same = [choice for choice in candidates if choice.lower() == word.lower()]
    return next(iter(same or get_close_matches(word, candidates, n=1)), None)


def meant(word: str, choices: Iterable[str]) -> str:
    """Return ` (did you mean …?)` with the choice nearest to a word, or nothing where none is near."""
    near = nearest(word, choices)
    return "" if near is None else f" (did you mean {near!r}?)"


def either(words: Iterable[str]) -> str:
    """Return words to choose from, in their order, as in `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _alike(left: str, right: str) -> int:
    """Return how many characters two words have in common before they differ."""
    alike = 0
    for mine, other in zip(left, right, strict=False):
        if mine != other:
            break
        alike += 1
    return alike


def listed(words: Iterable[str]) -> str:
    """Return words in a row, with commas, the first sixteen where there are many."""
    known = sorted(words)
    return ", ".join(known[:_LISTED]) + (", …" if len(known) > _LISTED else "")
