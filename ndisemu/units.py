"""Durations, rates, sizes and percentages as people write them, and back.

A quantity is a decimal number and a unit, as in `64us`, `1Gbit/s` or `2KiB`.
The arithmetic is exact: a number is read as an integer and a power of ten,
never as a float, and what does not come out whole is refused rather than
rounded. So what a scenario says is what the clock and the link count.

Not here: bare numbers (a quantity without a unit is refused, with the way to
write it) and locale: the decimal mark is a point.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from ndisemu.errors import UsageError

NANOSECOND: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND

BILLION: Final = 1_000_000_000
"""The whole, in the parts that `parse_percent` counts."""

# No quantity needs more digits, and the bound keeps a hostile number cheap.
_QUANTITY: Final = re.compile(r"(-?)([0-9]{0,30})(?:\.([0-9]{1,30}))? ?([^0-9.,\s]\S{0,15})?")
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class _Dimension:
    """What a kind of quantity is called, its units, and how people misspell them.

    `units` are the spellings that are read and `offered` those that messages name;
    `misspelt` maps common spellings, in lower case, to the right one.
    """

    noun: str
    example: str
    finest: str
    units: Mapping[str, int]
    offered: str
    misspelt: Mapping[str, str]


_DURATION: Final = _Dimension(
    noun="duration",
    example="us",
    finest="a nanosecond",
    # Keyboards and fonts have two letters for micro, U+00B5 and U+03BC, which look the same.
    units={"ns": NANOSECOND, "us": MICROSECOND, "\u00b5s": MICROSECOND, "\u03bcs": MICROSECOND}
    | {"ms": MILLISECOND, "s": SECOND, "min": MINUTE},
    offered="ns, us, ms, s or min",
    misspelt={"sec": "s", "secs": "s", "second": "s", "seconds": "s", "m": "min", "minute": "min", "minutes": "min"}
    | {"usec": "us", "msec": "ms", "nsec": "ns"},
)
_RATE: Final = _Dimension(
    noun="rate",
    example="Mbit/s",
    finest="one bit per second",
    units={"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9},
    offered="bit/s, kbit/s, Mbit/s or Gbit/s",
    misspelt={"bps": "bit/s", "b/s": "bit/s", "kbps": "kbit/s", "kb/s": "kbit/s", "k": "kbit/s"}
    | {"mbps": "Mbit/s", "mb/s": "Mbit/s", "mbit": "Mbit/s", "m": "Mbit/s"}
    | {"gbps": "Gbit/s", "gb/s": "Gbit/s", "gbit": "Gbit/s", "g": "Gbit/s"},
)
_SIZE: Final = _Dimension(
    noun="size",
    example="KiB",
    finest="a byte",
    units={"B": 1, "kB": 10**3, "MB": 10**6, "KiB": 1 << 10, "MiB": 1 << 20},
    offered="B, KiB, MiB, kB or MB",
    misspelt={"k": "KiB", "m": "MiB", "byte": "B", "bytes": "B"},
)
_PERCENT: Final = _Dimension(
    noun="percentage",
    example="%",
    finest="a billionth of the whole",
    units={"%": BILLION // 100},
    offered="%",
    misspelt={"percent": "%", "pct": "%"},
)


def parse_duration(text: str) -> int:
    """Read a duration such as `64us` as nanoseconds.

    Raises:
        UsageError: It is no duration, or finer than a nanosecond.
    """
    return _parse(text, _DURATION)


def parse_rate(text: str) -> int:
    """Read a rate such as `1Gbit/s` as bits per second.

    Raises:
        UsageError: It is no rate, or not a whole number of bits per second.
    """
    return _parse(text, _RATE)


def parse_size(text: str) -> int:
    """Read a size such as `2KiB` as bytes; `KiB` is 1024 of them, `kB` is 1000.

    Raises:
        UsageError: It is no size, or not a whole number of bytes.
    """
    return _parse(text, _SIZE)


def parse_percent(text: str) -> int:
    """Read a share such as `0.1%` as parts per billion, from nothing to the whole.

    Raises:
        UsageError: It is no percentage, above 100%, or finer than a billionth.
    """
    parts = _parse(text, _PERCENT)
    if parts > BILLION:
        raise UsageError(f"{_quoted(text)} is above 100%")
    return parts


def format_time(ns: int) -> str:
    """Write a time with the unit of its magnitude and three decimals, as in `1.204 ms`.

    Digits beyond the third are cut, not rounded, so that no time is shown before it has come.
    """
    size = abs(ns)
    if size < MICROSECOND:
        return f"{ns} ns"
    unit, scale = ("us", MICROSECOND) if size < MILLISECOND else ("ms", MILLISECOND) if size < SECOND else ("s", SECOND)
    return f"{'-' if ns < 0 else ''}{_thousandths(size, scale)} {unit}"


def format_rate(bits: int) -> str:
    """Write a rate in bits per second, as in `1 Gbit/s` or `941.482 Mbit/s`; further digits are cut."""
    for unit, scale in (("Gbit/s", 10**9), ("Mbit/s", 10**6), ("kbit/s", 10**3)):
        if bits >= scale:
            return f"{_thousandths(bits, scale).rstrip('0').rstrip('.')} {unit}"
    return f"{bits} bit/s"


def format_size(size: int) -> str:
    """Write a number of bytes in the largest binary unit that shows it exactly, as in `64 MiB`."""
    for unit, scale in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= scale and size % scale == 0:
            return f"{size // scale} {unit}"
    return f"{size} B"


def format_count(count: int) -> str:
    """Write a count with its thousands apart, as in `1 000 000`."""
    return f"{count:,}".replace(",", " ")


def _thousandths(size: int, scale: int) -> str:
    return f"{size // scale}.{size % scale * 1000 // scale:03}"


def _parse(text: str, dimension: _Dimension) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or not (match[2] or match[3]):
        raise UsageError(f"{_quoted(text)} is not a {dimension.noun}, such as 5{dimension.example}")
    sign, whole, decimals, unit = match.groups(default="")
    if not unit:
        number = text.strip().removeprefix("-")
        raise UsageError(f"{_quoted(text)} needs a unit, such as {number}{dimension.example}")
    if sign:
        raise UsageError(f"{_quoted(text)} is negative, which a {dimension.noun} cannot be")
    scale = dimension.units.get(unit)
    if scale is None:
        raise UsageError(f"{_quoted(text)} has the unknown unit {_quoted(unit)}{_unit_meant(unit, dimension)}")
    steps: int = 10 ** len(decimals)
    value, rest = divmod(int(whole + decimals) * scale, steps)
    if rest:
        raise UsageError(f"{_quoted(text)} is finer than {dimension.finest}, the smallest step there is")
    return value


def _unit_meant(unit: str, dimension: _Dimension) -> str:
    folded = {known.lower(): known for known in dimension.units} | dict(dimension.misspelt)
    near = get_close_matches(unit.lower(), folded, n=1)
    hint = f" (did you mean {folded[near[0]]!r}?)" if near else ""
    return f"{hint}; the units are {dimension.offered}" if "," in dimension.offered else hint


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
