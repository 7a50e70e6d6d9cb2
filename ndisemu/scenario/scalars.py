"""What an unquoted word of YAML 1.2 means: nothing, a truth, a number, or text.

These are the rules of the core schema and no others. YAML 1.1, which most
Python programs read, also takes `no` for false, `010` for eight and `12:30`
for 750; here they are text, ten and text.
"""

import re
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
"""A value that holds no other."""

MAX_NUMBER: Final = 64
"""The most characters that a number may have; longer ones only cost time."""

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
# What every scalar that is not text begins with; most text is told by its first letter.
_FIRST: Final = frozenset("~nNtTfF+-.0123456789")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|(0o[0-7]+)|(0x[0-9a-fA-F]+)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# All that YAML calls printable. Tabs and the three line breaks of old are.
_UNPRINTABLE: Final = re.compile(
    "[^\\x09\\x0a\\x0d\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]"
)


def resolve(text: str) -> Scalar:
    """Return the value of an unquoted scalar.

    Raises:
        ValueError: It is a number of more than `MAX_NUMBER` characters.
    """
    if text and text[0] not in _FIRST:
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return _number(text)


def _number(text: str) -> Scalar:
    if (match := _INTEGER.fullmatch(text)) is not None:
        _refuse_long(text)
        octal, hexadecimal = match.groups()
        if octal or hexadecimal:
            return int(text[2:], 8 if octal else 16)
        return int(text)
    if _FLOAT.fullmatch(text) is not None:
        _refuse_long(text)
        return float(text)
    if _NOT_FINITE.fullmatch(text) is not None:
        return float(text.replace(".", ""))
    return text


def _refuse_long(text: str) -> None:
    if len(text) > MAX_NUMBER:
        raise ValueError(f"a number of {len(text)} characters is longer than the {MAX_NUMBER} that are read")


def unprintable(text: str) -> int | None:
    """Return the index of the first character that YAML does not allow, or None."""
    match = _UNPRINTABLE.search(text)
    return None if match is None else match.start()
