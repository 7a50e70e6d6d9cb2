"""Reading YAML: what a text means, where each value stands, and what is refused."""

import json
import math
import time
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import given, strategies as st

from ndisemu.errors import ScenarioError
from ndisemu.scenario import compose as composing
from ndisemu.scenario.compose import compose
from ndisemu.scenario.document import MAX_BYTES, Node, Place, decode

START = Place("s.yaml", 1, 1)


def read(text: str) -> Node:
    """Read a text that has nothing wrong with it."""
    document = compose(text, START)
    assert document.problems == ()
    assert document.root is not None
    return document.root


def problems(text: str) -> list[str]:
    """Return what is wrong with a text, without the file's name."""
    return [str(problem).removeprefix("s.yaml:") for problem in compose(text, START).problems]


def nodes(node: Node) -> Iterator[Node]:
    """Return a node and all below it."""
    yield node
    for below in [*node.entries().values(), *node.items()]:
        yield from nodes(below)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, False) for word in ("false", "False", "FALSE")],
        *[(word, word) for word in ("yes", "no", "on", "off", "y", "n", "Yes", "tRUE", "nULL")],
        *[("0", 0), ("-19", -19), ("+3", 3), ("010", 10), ("0o17", 15), ("0xC0", 192), ("09", 9)],
        *[(word, word) for word in ("0o8", "0xG", "-0x1", "1_000", "12:30", "0b1", "1e", "1.2.3", "--1", "2001-01-01")],
        *[("0.5", 0.5), (".5", 0.5), ("2.", 2.0), ("-1e3", -1000.0), ("1.5E+2", 150.0), ("1e999", math.inf)],
        *[(".inf", math.inf), ("-.INF", -math.inf), ("inf", "inf"), ("5us", "5us"), ("=", "="), ("tis", "tis")],
        *[('"5"', "5"), ("'true'", "true"), ("|\n  5", "5\n"), ('"\\u00e9"', "é")],
        ("02:00:00:00:0a:01", "02:00:00:00:0a:01"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    """Unquoted words follow the core schema; quoted ones and blocks are text."""
    found = read(f"key: {text}\n").child("key")
    assert found is not None
    assert (found.value, type(found.value)) == (value, type(value))


def test_not_a_number_is_a_float() -> None:
    """The word for not-a-number is a float too."""
    found = read("[.nan]").items()[0].value
    assert isinstance(found, float)
    assert math.isnan(found)


def test_every_value_and_key_has_its_place() -> None:
    """Lines and columns count from 1, for blocks, flows, and text beyond ASCII."""
    root = read("# a story\nhosts:\n  ä: {cpus: 2, nics: [x, y]}\n")
    inner = root.entries()["hosts"].entries()["ä"]
    cpus, nics = inner.entries()["cpus"], inner.entries()["nics"]
    places = [
        root.keys["hosts"],
        inner.place,
        inner.keys["cpus"],
        cpus.place,
        inner.keys["nics"],
        nics.items()[1].place,
    ]
    assert [(place.line, place.column) for place in places] == [(2, 1), (3, 6), (3, 7), (3, 13), (3, 16), (3, 26)]


def test_a_text_may_begin_anywhere() -> None:
    """The origin moves the first line's columns and every line's number."""
    root = compose("[a,\n b]", Place("--set", 3, 10)).root
    assert root is not None
    assert [node.place for node in nodes(root)] == [Place("--set", 3, 10), Place("--set", 3, 11), Place("--set", 4, 2)]


def test_an_alias_repeats_its_anchor() -> None:
    """Both places hold the same node, and its plain value is copied."""
    root = read("a: &x {b: [1]}\nc: *x\n")
    assert root.child("a") is root.child("c")
    assert root.plain() == {"a": {"b": [1]}, "c": {"b": [1]}}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\n\n", "---\n...\n", "%YAML 1.2\n---\n"])
def test_an_empty_text_is_nothing(text: str) -> None:
    """Where no value is written, there is a null."""
    assert read(text).value is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ["3:1: key 'a' is given twice; the first is at line 1, column 1"]),
        (
            "a: {b: 1, b: 2, 'b': 3}",
            [f"1:{at}: key 'b' is given twice; the first is at line 1, column 5" for at in (11, 17)],
        ),
        ("a: !!str 5", ["1:4: tag '!!str' is not read; quote a value to make it text"]),
        (
            "a: !!python/object:os.system {}",
            ["1:4: tag '!!python/object:os.system' is not read; quote a value to make it text"],
        ),
        ("a: !mine [1]", ["1:4: tag '!mine' is not read; quote a value to make it text"]),
        ("<<: {a: 1}", ["1:1: merge key '<<' is not read; write the keys out, or alias a whole map"]),
        ("? [a]\n: 1\nb: 2", ["1:3: a key must be text, not a map or list"]),
        ("k: &k x\n*k : 1", ["2:1: a key must be text, not an alias"]),
        ("a: *b", ["1:4: alias '*b' has no anchor '&b' before it"]),
        ("a: &a [1, *a]", ["1:11: alias '*a' stands inside the value that it repeats"]),
        ("a: &a {b: {c: *a}}", ["1:15: alias '*a' stands inside the value that it repeats"]),
        ("x: 1\n---\ny: 2", ["2:1: a second document starts here, where only one is read"]),
        (
            "a:\n\tb: 1",
            ["2:1: not valid YAML: found character that cannot start any token; indent with spaces, not with tabs"],
        ),
        (
            "é: @x",
            [
                "1:4: not valid YAML: found character that cannot start any token; text that begins with '@' must be quoted"
            ],
        ),
        (
            "a: [1,\nb: 2",
            [
                (
                    "2:5: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence "
                    "from line 1, column 4; a list in brackets ends with ']'"
                )
            ],
        ),
        (
            "a: b: c",
            [
                (
                    "1:5: not valid YAML: mapping values are not allowed in this context; "
                    "the keys of a map all start in one column, and text with ': ' in it must be quoted"
                )
            ],
        ),
        (
            "a: 'x",
            [
                (
                    "1:6: not valid YAML: found unexpected end of stream while scanning a quoted scalar "
                    "from line 1, column 4; a quote is never closed"
                )
            ],
        ),
        ("%YAML 3.0\n---\na: 1", ["1:1: not valid YAML: found incompatible YAML document"]),
        ("ok: 1\r\nb: \x00", ["2:4: character U+0000 cannot stand in YAML; quoted, it is written as an escape"]),
        ("a: \udc80", ["1:4: character U+DC80 cannot stand in YAML; quoted, it is written as an escape"]),
        ("a: " + "9" * 65, ["1:4: a number of 65 characters is longer than the 64 that are read"]),
        ("a: 0x" + "f" * 70, ["1:4: a number of 72 characters is longer than the 64 that are read"]),
        ("a: " + "[" * 5000, ["1:67: nested deeper than 64 levels, the most that are read"]),
        (
            "".join(" " * i + "a:\n" for i in range(500)),
            ["65:65: nested deeper than 64 levels, the most that are read"],
        ),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_not_read_is_refused_with_its_place(text: str, expected: list[str]) -> None:
    """Each mistake in the text is named with line, column and what would be right."""
    assert problems(text) == expected


def test_mistakes_that_can_be_passed_over_come_with_the_one_that_cannot() -> None:
    """A syntax error does not hide the duplicate key before it."""
    assert [problem.split(":")[0] for problem in problems("a: 1\na: 2\nb: [\n")] == ["2", "4"]


def test_a_map_that_lost_a_key_is_partial() -> None:
    """What was under a merge key is unknown, so missing keys prove nothing; the other keys remain."""
    document = compose("a: {<<: {c: 1}, b: 1}", START)
    inner = document.root.child("a") if document.root else None
    assert inner is not None
    assert (inner.partial, inner.plain()) == (True, {"b": 1})


def test_aliases_cannot_multiply_without_bound() -> None:
    """Nine levels of ten aliases each, a billion values, are refused at once."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for above, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{above}'] * 10)}]")
    assert problems("\n".join(lines)) == [
        "6:4: more than 1000000 values, counting what aliases repeat; that is the most that are read"
    ]


def test_the_parser_in_python_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the C parser, values, places and refusals are those that one knows."""
    texts = ["a: {b: [1, x]}\nc: |\n  text\n", "a: 1\na: 2", "a:\n\tb: 1", "x: 1\n---\ny: 2", "a: é\nb: @x"]
    quick = [([node.place for node in nodes(root)] if (root := compose(text, START).root) else None) for text in texts]
    found = [[(problem.line, problem.column) for problem in compose(text, START).problems] for text in texts]
    monkeypatch.setattr(composing, "_LOADERS", (yaml.SafeLoader,))
    slow = [([node.place for node in nodes(root)] if (root := compose(text, START).root) else None) for text in texts]
    assert slow == quick
    assert [[(problem.line, problem.column) for problem in compose(text, START).problems] for text in texts] == found


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: \xff", "1:4: byte 0xff is not UTF-8, the encoding that a scenario must have"),
        ("a: é\nb: é".encode() + b"\xc3", "2:5: byte 0xc3 is not UTF-8, the encoding that a scenario must have"),
        ("a: 1".encode("utf-16"), "1:1: byte 0xff is not UTF-8, the encoding that a scenario must have"),
        (b"\xef\xbb\xbfa: \x80", "1:4: byte 0x80 is not UTF-8, the encoding that a scenario must have"),
        (b"#" * (MAX_BYTES + 1), "1:1: the file is longer than 8 MiB, the most that is read"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, expected: str) -> None:
    """The place is that of the first wrong byte, in characters."""
    with pytest.raises(ScenarioError) as caught:
        decode(data, "s.yaml")
    assert str(caught.value) == f"s.yaml:{expected}"


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    """A file that begins with a UTF-8 mark reads as without it."""
    assert decode(b"\xef\xbb\xbfa: 1", "s.yaml") == "a: 1"


# What JSON leaves as it is and YAML does not allow: the delete character.
TEXT = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=8)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_json_is_yaml(value: object) -> None:
    """What JSON writes for a value is read as that value."""
    assert read(json.dumps(value)).plain() == value


@given(st.text(st.sampled_from("ab:-[]{},&*!|>'\"%@?#<\n\t 1.~é\r\x00"), max_size=60))
def test_any_text_is_a_tree_or_problems(text: str) -> None:
    """Whatever the text, there is a tree or a problem, and every place lies in the text."""
    document = compose(text, START)
    assert document.root is not None or document.problems
    lines = len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    places = [(problem.line, problem.column) for problem in document.problems]
    places += [(node.place.line, node.place.column) for node in (nodes(document.root) if document.root else [])]
    assert all(1 <= line <= lines and column >= 1 for line, column in places)


def test_ten_thousand_lines_are_read_quickly() -> None:
    """A large file takes a fraction of a second; the bound leaves room for a busy machine."""
    text = "".join(
        f'h{i}: {{cpus: 2, nics: {{eth0: {{mac: "02:00:00:00:0a:01", tx_ring: 256}}}}}}\n' for i in range(10_000)
    )
    began = time.process_time()
    assert len(read(text).entries()) == 10_000
    assert time.process_time() - began < 3
