"""Claims about Ethernet addresses as text and as bytes."""

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import UsageError
from ndisemu.frame.ethernet import BROADCAST, format_mac, is_group, parse_mac

addresses = st.binary(min_size=6, max_size=6)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("02:00:00:00:0a:01", b"\x02\x00\x00\x00\x0a\x01"),
        ("02-00-00-00-0A-01", b"\x02\x00\x00\x00\x0a\x01"),
        ("FF:ff:Ff:fF:ff:ff", BROADCAST),
        ("00:00:00:00:00:00", bytes(6)),
    ],
)
def test_colons_dashes_and_either_case_are_read(text: str, address: bytes) -> None:
    """An address may be written with colons or dashes, and in either case."""
    assert parse_mac(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02:00:00:00:0a",
        "02:00:00:00:0a:01:02",
        "02:00:00:00:0a:1",
        "02:00:00:00:0a:0g",
        "02:00-00:00-0a:01",
        "020000000a01",
        "0200.0000.0a01",
        " 02:00:00:00:0a:01",
        "02:00:00:00:0a:01\n",
        "٠٢:00:00:00:0a:01",
        "+2:00:00:00:0a:01",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    """What is not six pairs with one kind of separator is refused, and the message shows what would be right."""
    with pytest.raises(UsageError) as caught:
        parse_mac(text)

    wanted = "six pairs of hexadecimal digits, such as 02:00:00:00:0a:01"
    assert str(caught.value) == f"{text!r} is not a MAC address, which is {wanted}"


def test_a_very_long_text_is_shown_in_part() -> None:
    """The message about a book in place of an address does not repeat the book."""
    with pytest.raises(UsageError, match=r"^'a{40}…' is not a MAC address") as caught:
        parse_mac("a" * 100_000)

    assert len(str(caught.value)) < 200


@given(addresses)
def test_an_address_survives_being_written_and_read(address: bytes) -> None:
    """Reading what was written gives the same address, with colons and with dashes."""
    text = format_mac(address)

    assert parse_mac(text) == address
    assert parse_mac(text.replace(":", "-").upper()) == address


@given(st.text())
def test_any_text_is_an_address_or_a_usage_error(text: str) -> None:
    """Reading text gives six bytes or a UsageError and nothing else."""
    try:
        address = parse_mac(text)
    except UsageError:
        return
    assert len(address) == 6


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("02:00:00:00:0a:01", False),
        ("00:1b:21:00:00:00", False),
        ("01:00:5e:00:00:01", True),
        ("33:33:00:00:00:01", True),
        ("ff:ff:ff:ff:ff:ff", True),
    ],
)
def test_the_lowest_bit_of_the_first_byte_makes_a_group(text: str, *, group: bool) -> None:
    """Multicast and broadcast are groups, for an address as for the frame that begins with it."""
    assert is_group(parse_mac(text)) is group
    assert is_group(parse_mac(text) + bytes(54)) is group
