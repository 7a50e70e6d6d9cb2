"""The kinds of value in a scenario, and how each is read.

Every kind is an annotated type: it takes what YAML gave, text such as `64us`
or a number, and gives what the emulation counts in, such as nanoseconds.

Not here: how bounds are checked and values refused (see `bounds`), and which
key has which kind (see `schema`).
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainValidator,
    Strict,
    StringConstraints,
    WithJsonSchema,
)

from ndisemu.errors import UsageError
from ndisemu.frame.ethernet import HEADER, format_mac, is_group, parse_mac
from ndisemu.scenario.bounds import Between, refusal, remark
from ndisemu.scenario.words import described, meant, quoted
from ndisemu.units import SECOND, format_size, format_time, parse_duration, parse_rate, parse_size

T = TypeVar("T")

MIN_MTU: Final = 68
"""The smallest MTU, that of RFC 791."""

MAX_MTU: Final = 16110
"""The largest MTU, for which the card's longest frames leave room."""

MAX_FRAME: Final = 16110
"""The longest frame that a generator makes."""

MAX_TIME: Final = 10**9 * SECOND
"""The longest duration, thirty years; it and its sums fit the 64 bits of a capture's times."""

MAX_ITR: Final = 65535 * 256
"""The card's longest interval between interrupts: 16 bits, in steps of 256 ns."""

MOST_CPUS: Final = 64
"""How many processors a host may have."""

IMIX: Final = (60, 590, 60, 60, 590, 60, 60, 590, 60, 590, 60, 1514)
"""The frames of a simple Internet mix, 7 : 4 : 1, in the order in which they are sent."""

LINE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""What `Line` takes: some text without control characters and line breaks."""

NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
"""What `Name` takes."""

_NAME: Final = NAME.pattern
_ENDPOINT: Final = re.compile(rf"({_NAME})\.({_NAME})")
_CLASS: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_PARAMETER: Final = re.compile(r"[a-z][a-z0-9_]*")
# What a driver reads, too, but a NIC has keys of their own for.
_OWN_KEYS: Final = ("tx_ring", "rx_ring", "itr", "mtu")
# Capitals are those of Microsoft's names, as in sends.failures.NDIS_STATUS_RESOURCES.
COUNTER: Final = re.compile(rf"{_NAME}(\.[A-Za-z0-9][A-Za-z0-9_-]*)*")


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """A NIC of a host, written `a.eth0`."""

    host: str
    nic: str

    def __str__(self) -> str:
        return f"{self.host}.{self.nic}"

    @classmethod
    def parse(cls, text: str) -> "Endpoint | None":
        """Read `host.nic`; anything else gives None."""
        match = _ENDPOINT.fullmatch(text)
        return None if match is None else cls(match[1], match[2])


def _quantity(parse: Callable[[str], T], kind: str) -> BeforeValidator:
    def read(value: object) -> T:
        # A bare number is read as text, since the message about its unit is that of the parser.
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise refusal(f"must be {kind}, not {described(value)}")
        try:
            return parse(str(value))
        except UsageError as error:
            raise remark(str(error)) from None

    return BeforeValidator(read)


def _matching(pattern: re.Pattern[str], wanted: str) -> AfterValidator:
    def check(value: str) -> str:
        if pattern.fullmatch(value) is None:
            raise refusal(f"must be {wanted}, not {quoted(value)}")
        return value

    return AfterValidator(check)


def _rate(value: str) -> int | None:
    if value == "unlimited":
        return None
    bits = parse_rate(value)
    if bits == 0:
        raise UsageError(f"{quoted(value)} sends nothing; write a rate such as 1Gbit/s, or unlimited")
    return bits


def _mac(value: str) -> bytes:
    address = parse_mac(value)
    if is_group(address):
        single = format_mac(bytes([address[0] & 0xFE, *address[1:]]))
        raise UsageError(f"{quoted(value)} is a group's address, which no card has (did you mean '{single}'?)")
    return address


def _endpoint(value: object) -> Endpoint:
    endpoint = Endpoint.parse(value) if isinstance(value, str) else None
    if endpoint is None:
        raise refusal(f"must be a host's NIC such as a.eth0, not {described(value)}")
    return endpoint


def _end(value: object) -> Endpoint | str:
    if isinstance(value, str) and NAME.fullmatch(value):
        return value
    endpoint = Endpoint.parse(value) if isinstance(value, str) else None
    if endpoint is None:
        raise refusal(f"must be a host's NIC such as a.eth0, or a switch, not {described(value)}")
    return endpoint


def _ends(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) != 2:
        raise refusal(f"must name two NICs, such as [a.eth0, b.eth0], or a NIC and a switch, not {len(value)}")
    return value


def _sizes(value: object) -> object:
    if value == "imix":
        return IMIX
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if not isinstance(value, list | tuple) or not value:
        said = "an empty one" if value in ([], ()) else described(value)
        near = meant(value, ["imix"]) if isinstance(value, str) else ""
        raise refusal(f"must be a whole number, a list of them, or imix, not {said}{near}")
    return value


def _priorities(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if not isinstance(value, list | tuple) or not value:
        said = "an empty one" if value in ([], ()) else described(value)
        raise refusal(f"must be a whole number or a list of them, not {said}")
    return value


def _interfaces(value: object) -> object:
    if value == "all":
        return None
    if not isinstance(value, list | tuple):
        near = meant(value, ["all"]) if isinstance(value, str) else ""
        raise refusal(f"must be all or a list of NICs, not {described(value)}{near}")
    return value


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refusal(f"must be a finite number, not {described(value)}")
    return value


def _parameter(value: str) -> str:
    if value in _OWN_KEYS:
        raise refusal("has a key of its own in a NIC; write it there")
    if _PARAMETER.fullmatch(value) is None:
        raise refusal("cannot be the name of a parameter, which is made of letters from a to z, digits and '_'")
    return value


def _first_version(value: object) -> object:
    # To Python, and so to a literal type, true and 1.0 are 1.
    if type(value) is not int or value != 1:
        raise refusal(f"must be 1, the version of the language described here, not {described(value)}")
    return value


Many: TypeAlias = Annotated[tuple[T, ...], Strict(strict=False)]
"""A list, kept as a tuple."""

Version: TypeAlias = Annotated[Literal[1], BeforeValidator(_first_version)]
"""The version of the language."""

Name: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{_NAME}$")]
"""The name of a host or a NIC."""

Parameter: TypeAlias = Annotated[str, AfterValidator(_parameter)]
"""The name of a number that a driver reads from its configuration."""

Processor: TypeAlias = Annotated[int, Between(0, MOST_CPUS - 1)]
"""The number of a processor of a host."""

Setting: TypeAlias = Annotated[int, Between(0, 2**32 - 1)]
"""What a driver reads from its configuration: 32 bits, as in the registry."""

Line: TypeAlias = Annotated[str, _matching(LINE, "one line of text")]
"""Text that fits into a title, a message or the name of a file."""

NicName: TypeAlias = Annotated[Endpoint, PlainValidator(_endpoint), WithJsonSchema({"type": "string"})]
"""A NIC by its full name."""

EndName: TypeAlias = Annotated[Endpoint | str, PlainValidator(_end), WithJsonSchema({"type": "string"})]
"""A NIC by its full name, or a switch."""

Ends: TypeAlias = Annotated[tuple[EndName, EndName], Strict(strict=False), BeforeValidator(_ends)]
"""The two ends of a link."""

Interfaces: TypeAlias = Annotated[Many[NicName] | None, BeforeValidator(_interfaces)]
"""A list of NICs, or None for all."""

_Duration: TypeAlias = Annotated[
    int, _quantity(parse_duration, "a duration such as 5us"), WithJsonSchema({"type": "string", "examples": ["5us"]})
]
Duration: TypeAlias = Annotated[_Duration, Between(0, MAX_TIME, form=format_time)]
"""A duration that may be zero, in nanoseconds."""

Span: TypeAlias = Annotated[_Duration, Between(1, MAX_TIME, form=format_time)]
"""A duration above zero, in nanoseconds."""

Interval: TypeAlias = Annotated[_Duration, Between(0, MAX_ITR, form=format_time)]
"""An interval that the card's moderation timer can hold, in nanoseconds."""

Rate: TypeAlias = Annotated[
    int | None,
    _quantity(_rate, "a rate such as 1Gbit/s, or unlimited"),
    WithJsonSchema({"type": "string", "examples": ["1Gbit/s", "unlimited"]}),
]
"""Bits per second, or None for unlimited."""

Memory: TypeAlias = Annotated[
    int,
    _quantity(parse_size, "a size such as 64MiB"),
    WithJsonSchema({"type": "string", "examples": ["64MiB"]}),
    Between(1 << 20, 1 << 32, form=format_size),
]
"""The size of a host's memory in bytes."""

Mac: TypeAlias = Annotated[
    bytes, _quantity(_mac, "a MAC address such as 02:00:00:00:0a:01"), WithJsonSchema({"type": "string"})
]
"""The address of one card."""

Mtu: TypeAlias = Annotated[int, Between(MIN_MTU, MAX_MTU)]
"""The longest payload of a frame."""

RingSize: TypeAlias = Annotated[int, Between(8, 4096, multiple=8)]
"""How many descriptors a ring has."""

Sizes: TypeAlias = Annotated[Many[Annotated[int, Between(HEADER, MAX_FRAME)]], BeforeValidator(_sizes)]
"""The sizes of frames, header included, that a generator goes through in turn."""

Priorities: TypeAlias = Annotated[Many[Annotated[int, Between(0, 7)]], BeforeValidator(_priorities)]
"""The 802.1p priorities of a generator's frames, gone through in turn."""

ClassPath: TypeAlias = Annotated[str, _matching(_CLASS, "of the form package.module:Class")]
"""Where a Python class is; reading a scenario does not import it."""

Counter: TypeAlias = Annotated[str, _matching(COUNTER, "a dotted name such as a.eth0.sends.completed")]
"""The name of a number in the result."""

Number: TypeAlias = Annotated[int | float, BeforeValidator(_number)]
"""A finite number."""
