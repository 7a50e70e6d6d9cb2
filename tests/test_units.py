"""Units: exact readings, refusals that say what would be right, and readable output."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import UsageError
from ndisemu.units import (
    format_count,
    format_rate,
    format_size,
    format_time,
    parse_duration,
    parse_percent,
    parse_rate,
    parse_size,
)

Parse = Callable[[str], int]


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_duration, "0ns", 0),
        (parse_duration, "7ns", 7),
        (parse_duration, "64us", 64_000),
        (parse_duration, "64µs", 64_000),
        (parse_duration, "64\u03bcs", 64_000),
        (parse_duration, "1.5ms", 1_500_000),
        (parse_duration, ".25s", 250_000_000),
        (parse_duration, "2 s", 2_000_000_000),
        (parse_duration, " 2s ", 2_000_000_000),
        (parse_duration, "1min", 60_000_000_000),
        (parse_duration, "0.1us", 100),
        (parse_duration, "1.0000000000ns", 1),
        (parse_rate, "9600bit/s", 9600),
        (parse_rate, "64kbit/s", 64_000),
        (parse_rate, "2.5Gbit/s", 2_500_000_000),
        (parse_rate, "100Mbit/s", 100_000_000),
        (parse_size, "60B", 60),
        (parse_size, "2KiB", 2048),
        (parse_size, "2kB", 2000),
        (parse_size, "0.5MiB", 524_288),
        (parse_size, "3MB", 3_000_000),
        (parse_percent, "0.1%", 1_000_000),
        (parse_percent, "100%", 1_000_000_000),
        (parse_percent, "0%", 0),
        (parse_percent, "0.0000001%", 1),
    ],
)
def test_a_quantity_is_read_exactly(parse: Parse, text: str, value: int) -> None:
    """A number and its unit come out as a whole number of the smallest step."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_duration, "5", "'5' needs a unit, such as 5us"),
        (parse_duration, "0", "'0' needs a unit, such as 0us"),
        (parse_duration, "-5", "'-5' needs a unit, such as 5us"),
        (parse_rate, "1000", "'1000' needs a unit, such as 1000Mbit/s"),
        (parse_size, "1500", "'1500' needs a unit, such as 1500KiB"),
        (parse_percent, "0.1", "'0.1' needs a unit, such as 0.1%"),
        (parse_duration, "", "'' is not a duration, such as 5us"),
        (parse_duration, "us", "'us' is not a duration, such as 5us"),
        (parse_duration, "soon", "'soon' is not a duration, such as 5us"),
        (parse_duration, "1,5ms", "'1,5ms' is not a duration, such as 5us"),
        (parse_duration, "-5us", "'-5us' is negative, which a duration cannot be"),
        (parse_duration, "1.5ns", "'1.5ns' is finer than a nanosecond, the smallest step there is"),
        (
            parse_duration,
            "5sec",
            "'5sec' has the unknown unit 'sec' (did you mean 's'?); the units are ns, us, ms, s or min",
        ),
        (
            parse_duration,
            "5 parsecs",
            "'5 parsecs' has the unknown unit 'parsecs' (did you mean 's'?); the units are ns, us, ms, s or min",
        ),
        (parse_duration, "\u0665us", "'\u0665us' is not a duration, such as 5us"),
        (
            parse_rate,
            "10Gbps",
            (
                "'10Gbps' has the unknown unit 'Gbps' (did you mean 'Gbit/s'?); "
                "the units are bit/s, kbit/s, Mbit/s or Gbit/s"
            ),
        ),
        (
            parse_rate,
            "1gbit/s",
            (
                "'1gbit/s' has the unknown unit 'gbit/s' (did you mean 'Gbit/s'?); "
                "the units are bit/s, kbit/s, Mbit/s or Gbit/s"
            ),
        ),
        (parse_rate, "1.5bit/s", "'1.5bit/s' is finer than one bit per second, the smallest step there is"),
        (
            parse_size,
            "64M",
            "'64M' has the unknown unit 'M' (did you mean 'MiB'?); the units are B, KiB, MiB, kB or MB",
        ),
        (parse_size, "0.5B", "'0.5B' is finer than a byte, the smallest step there is"),
        (parse_percent, "101%", "'101%' is above 100%"),
        (parse_percent, "1pct", "'1pct' has the unknown unit 'pct' (did you mean '%'?)"),
        (
            parse_percent,
            "0.00000001%",
            "'0.00000001%' is finer than a billionth of the whole, the smallest step there is",
        ),
    ],
)
def test_a_refusal_says_what_would_be_right(parse: Parse, text: str, message: str) -> None:
    """A text that is no quantity is refused with the unit or spelling that was meant."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert str(caught.value) == message


@given(st.sampled_from([parse_duration, parse_rate, parse_size, parse_percent]), st.text())
def test_any_text_is_read_or_refused(parse: Parse, text: str) -> None:
    """Whatever the text, a parser gives a number from 0 up or a usage error on one line."""
    try:
        outcome = str(parse(text))
    except UsageError as error:
        outcome = str(error)
    assert not outcome.startswith("-")
    assert outcome.isprintable()


def test_an_endless_number_is_refused_briefly() -> None:
    """A million digits cost no time and are not repeated in the message."""
    with pytest.raises(UsageError) as caught:
        parse_duration("9" * 1_000_000 + "us")
    assert len(str(caught.value)) < 100


@given(st.integers(0, 10**30), st.sampled_from([("ns", 1), ("us", 10**3), ("ms", 10**6), ("s", 10**9)]))
def test_a_decimal_is_never_rounded(nanoseconds: int, unit: tuple[str, int]) -> None:
    """A time that is written with all its decimals in any unit is read back to the nanosecond."""
    name, scale = unit
    decimals = len(str(scale)) - 1
    text = f"{nanoseconds // scale}.{nanoseconds % scale:0{decimals}}" if decimals else str(nanoseconds)
    if len(text.split(".")[0]) <= 30:
        assert parse_duration(text + name) == nanoseconds


@given(st.integers(0, 10**6))
def test_a_size_is_read_as_it_is_written(size: int) -> None:
    """What is written for a size reads as the same size."""
    assert parse_size(format_size(size)) == size


@given(st.integers(0, 10**12))
def test_a_time_is_written_with_what_it_has_reached(nanoseconds: int) -> None:
    """What is written for a time is at most that time, and less than a thousandth below it."""
    shown = parse_duration(format_time(nanoseconds))
    assert 0 <= nanoseconds - shown <= nanoseconds // 1000


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1000, "1.000 us"),
        (1_204_000, "1.204 ms"),
        (999_999_999, "999.999 ms"),
        (75_000_000_000, "75.000 s"),
        (-1_500, "-1.500 us"),
        (-7, "-7 ns"),
    ],
)
def test_a_time_has_the_unit_of_its_magnitude(ns: int, text: str) -> None:
    """A time is written with three decimals, which are cut."""
    assert format_time(ns) == text


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        (0, "0 bit/s"),
        (999, "999 bit/s"),
        (1000, "1 kbit/s"),
        (1_000_000_000, "1 Gbit/s"),
        (941_482_999, "941.482 Mbit/s"),
        (2_500_000_000, "2.5 Gbit/s"),
        (100_000_000_000, "100 Gbit/s"),
    ],
)
def test_a_rate_has_no_idle_zeros(bits: int, text: str) -> None:
    """A rate is written with as many decimals as it has, three at most."""
    assert format_rate(bits) == text


@pytest.mark.parametrize(("size", "text"), [(60, "60 B"), (1024, "1 KiB"), (1025, "1025 B"), (64 << 20, "64 MiB")])
def test_a_size_has_the_largest_unit_that_is_exact(size: int, text: str) -> None:
    """A size is written in binary units where that loses nothing."""
    assert format_size(size) == text


@pytest.mark.parametrize(("count", "text"), [(7, "7"), (1000, "1 000"), (1_234_567, "1 234 567"), (-1000, "-1 000")])
def test_thousands_stand_apart(count: int, text: str) -> None:
    """A count is written in groups of three digits."""
    assert format_count(count) == text
