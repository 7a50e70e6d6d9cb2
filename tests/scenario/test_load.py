"""Loading a scenario: every mistake, at its place, in words, and all at once."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from ndisemu.errors import ScenarioError
from ndisemu.scenario.fields import Endpoint
from ndisemu.scenario.load import load
from ndisemu.scenario.schema import PARTS, Generator, Scenario

Write = Callable[[str | bytes], Path]
Problems = Callable[..., list[str]]

TOKENS = [
    "{",
    "}",
    "[",
    "]",
    ", ",
    ": ",
    "\n",
    "  ",
    "- ",
    "&x ",
    "*x ",
    "!!str ",
    "<<",
    "|",
    "'",
    '"',
    "\t",
    "#",
    "\0",
]
WORDS = ["a", "eth0", "a.eth0", "zz.eth0", "5", "5us", "-1", "1e999", "true", "~", "imix", "all", "source-mac", "Ω"]

here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(path: Path, *overrides: str) -> Scenario | ScenarioError:
    """Return what loading gives; any other exception is a failure."""
    try:
        return load(path, overrides)
    except ScenarioError as error:
        return error


def test_a_good_scenario_loads(write: Write, good: str) -> None:
    """All parts of the language come out as what the emulation counts in."""
    scenario = load(write(good))
    flow = scenario.traffic[0]
    assert isinstance(flow, Generator)
    assert (scenario.name, scenario.seed, scenario.duration, scenario.path) == (
        "two hosts, one cable",
        7,
        2_000_000_000,
        Path("s.yaml"),
    )
    assert (scenario.nic(Endpoint("a", "eth0")).mac, scenario.nic(Endpoint("a", "eth0")).itr) == (
        b"\x02\x00\x00\x00\x0a\x01",
        20_000,
    )
    assert (flow.source, flow.destination, flow.frames) == (Endpoint("a", "eth0"), Endpoint("b", "eth0"), 1000)
    assert scenario.capture is not None
    assert scenario.capture.interfaces is None


def test_loading_imports_no_driver(write: Write, good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver class is a name to the loader, even where the module could be imported."""
    (tmp_path / "trap.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(str(tmp_path))
    nic = load(write(good.replace("nowhere.to_be_found", "trap"))).nic(Endpoint("b", "eth0"))
    assert nic.miniport.path == "trap:MyMiniport"
    assert "trap" not in sys.modules


def test_the_hash_is_that_of_the_source(write: Write, good: str) -> None:
    """Equal files and overrides have one hash; each change to either has another."""
    path = write(good)
    hashes = [load(path).source_sha256, load(path, ["seed=7"]).source_sha256, load(path, ["seed=8"]).source_sha256]
    assert len({*hashes, load(write(good + "# more\n")).source_sha256}) == 4
    assert load(write(good)).source_sha256 == hashes[0]


def test_every_mistake_is_reported_at_once(problems: Problems) -> None:
    """Twice-given keys, wrong values, unknown keys and dangling names come together, in the file's order."""
    text = """\
    version: 2
    name: 5
    seed: -1
    duration: 5
    clock: virtul
    hosts:
      a: {cpus: many, nics: {eth0: {mac: 01:02, tx_ring: 3, rx_ring: 1000000000, mtuu: 3}, eth1: }}
      b: {cpus: 65, cpus: 2, memory: 1B}
      C: {nics: {}}
      d: 5
    links:
      - {between: [a.eth0, a.eth9], rate: 10Gbps, delay: soon, loss: 1%}
    traffic:
      - {from: a.eth0, to: e.eth0, kind: generator, frames: 0, size: [60, 1515, x]}
      - {kind: rplay}
      - {from: a.eth0}
    capture: {interfaces: al}
    expect:
      - {that: violations, equals: 0, at_most: 4}
    """
    assert problems(dedent(text)) == [
        "1:10: version must be 1, the version of the language described here, not the number 2",
        "2:7: name must be text, not the number 5",
        "3:7: seed must be between 0 and 18446744073709551615, not -1",
        "4:11: duration: '5' needs a unit, such as 5us",
        "5:8: clock must be virtual or real, not the text 'virtul' (did you mean 'virtual'?)",
        "7:13: cpus must be a whole number, not the text 'many'",
        "7:38: mac: '01:02' is not a MAC address, which is six pairs of hexadecimal digits, such as 02:00:00:00:0a:01",
        "7:54: tx_ring must be a multiple of 8 between 8 and 4096, not 3",
        "7:66: rx_ring must be a multiple of 8 between 8 and 4096, not 1000000000",
        "7:78: unknown key 'mtuu' in hosts.a.nics.eth0 (did you mean 'mtu'?)",
        "7:94: hosts.a.nics.eth1 must be a map, not nothing",
        "8:6: missing key 'nics' in hosts.b, such as `nics: {eth0: {}}`",
        "8:13: cpus must be between 1 and 64, not 65",
        "8:17: key 'cpus' is given twice; the first is at line 8, column 7",
        "8:34: memory must be between 1 MiB and 4096 MiB, not 1 B",
        (
            "9:3: 'C' cannot be the name of a host or NIC, which begins with a letter from a to z "
            "and goes on with those, digits, '_' and '-'"
        ),
        "10:6: hosts.d must be a map, not the number 5",
        "12:24: there is no NIC 'a.eth9' (did you mean 'a.eth1'?)",
        (
            "12:39: rate: '10Gbps' has the unknown unit 'Gbps' (did you mean 'Gbit/s'?); "
            "the units are bit/s, kbit/s, Mbit/s or Gbit/s"
        ),
        "12:54: delay: 'soon' is not a duration, such as 5us",
        "12:60: unknown key 'loss' in links.0; the keys here are between, delay, mtu, rate",
        "14:24: there is no NIC 'e.eth0' (did you mean 'a.eth0'?)",
        "14:57: frames must be between 1 and 1000000000000, not 0",
        "14:71: frame size 1515 is above 1514, the MTU of 1500 plus the 14-byte header",
        "14:77: traffic.0.size.2 must be a whole number, not the text 'x'",
        "15:12: kind must be generator, replay or circuits, not the text 'rplay' (did you mean 'replay'?)",
        "16:5: missing key 'kind' in traffic.2, such as `kind: generator or kind: replay`",
        "17:23: interfaces must be all or a list of NICs, not the text 'al' (did you mean 'all'?)",
        "19:5: expect.0 must have one of equals, at_least and at_most, not equals and at_most",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: a scenario must be a map that begins with `version: 1`, not nothing"),
        ("# only a comment\n", "1:1: a scenario must be a map that begins with `version: 1`, not nothing"),
        ("just text", "1:1: a scenario must be a map that begins with `version: 1`, not the text 'just text'"),
        ("- 1", "1:1: a scenario must be a map that begins with `version: 1`, not a list"),
        ("a: [\n", "2:1: not valid YAML: did not find expected node content"),
        (b"\xff", "1:1: byte 0xff is not UTF-8, the encoding that a scenario must have"),
        ("version: 1\n---\n", "2:1: a second document starts here, where only one is read"),
        ("[" * 100_000, "1:65: nested deeper than 64 levels, the most that are read"),
        (b"#" * 9_000_000, "1:1: the file is longer than 8 MiB, the most that is read"),
    ],
    ids=lambda value: repr(value)[:25],
)
def test_what_is_no_scenario_at_all_is_one_problem(problems: Problems, text: str | bytes, expected: str) -> None:
    """A file that cannot be read, or is something else, gives a single line."""
    (problem,) = problems(text)
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("nowhere.yaml", "nowhere.yaml:1:1: there is no such file"),
        ("captures", "captures:1:1: the file cannot be read: Is a directory"),
        ("a\0b", "a\0b:1:1: this is not a possible file name: embedded null byte"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(
    write: Write, problems: Problems, good: str, path: str, expected: str
) -> None:
    """A missing file and a directory are mistakes of the user like any other."""
    write(good)
    assert problems(Path(path)) == [expected]


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ((), "zz: 1"),
        (("hosts", "*"), "hosts: {a: {nics: {}, zz: 1}}"),
        (("hosts", "*", "nics", "*"), "hosts: {a: {nics: {eth0: {zz: 1}}}}"),
        (("hosts", "*", "nics", "*", "miniport"), 'hosts: {a: {nics: {eth0: {miniport: {class: "x:Y", zz: 1}}}}}'),
        (("links", "*"), "links: [{zz: 1}]"),
        (("traffic", "*", "generator"), "traffic: [{kind: generator, zz: 1}]"),
        (("traffic", "*", "replay"), "traffic: [{kind: replay, zz: 1}]"),
        (("faults", "*"), "faults: [{at: 1s, on: a.b, do: hang, zz: 1}]"),
        (("capture",), "capture: {interfaces: all, zz: 1}"),
        (("expect", "*"), "expect: [{that: x, equals: 1, zz: 1}]"),
    ],
    ids=str,
)
def test_an_unknown_key_is_told_the_keys_of_its_map(problems: Problems, pattern: tuple[str, ...], place: str) -> None:
    """Every map of the language knows which keys it could have had."""
    (unknown,) = [problem for problem in problems(f"version: 1\nname: n\n{place}\n") if "unknown" in problem]
    keys = sorted(field.alias or name for name, field in PARTS[pattern].model_fields.items())
    assert unknown.endswith(f"; the keys here are {', '.join(keys)}")


def test_ten_thousand_lines_load_quickly(write: Write, problems: Problems) -> None:
    """A scenario of 5000 hosts takes about half a second, and no more when every name in it is wrong."""
    hosts = [f"  h{i}: {{nics: {{eth0: {{tx_ring: 256}}}}}}\n" for i in range(5000)]
    links = [f"- {{between: [h{i}.eth0, h{i + 1}.eth0], rate: 1Gbit/s}}\n" for i in range(0, 5000, 2)]
    flows = [
        f"- {{from: h{i}.eth0, to: h{i + 1}.eth0, kind: generator, frames: 5, size: 60}}\n" for i in range(0, 5000, 2)
    ]
    text = "".join(["version: 1\nname: n\nhosts:\n", *hosts, "links:\n", *links, "traffic:\n", *flows])
    began = time.process_time()
    assert len(load(write(text)).traffic) == 2500
    assert len(problems(text.replace("{from: h", "{from: hh"))) == 2500
    # Ten times what it takes, for busy machines; comparing all names with all others would take minutes.
    assert time.process_time() - began < 15


@here
@given(data=st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_a_scenario_error(write: Write, data: bytes) -> None:
    """Whatever the bytes, loading them ends in a scenario error with places."""
    error = outcome(write(data))
    assert isinstance(error, ScenarioError)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in error.problems)


@here
@given(
    pieces=st.lists(
        st.tuples(st.integers(0, 700), st.integers(0, 12), st.lists(st.sampled_from(TOKENS + WORDS), max_size=3)),
        max_size=4,
    )
)
def test_a_damaged_scenario_is_a_scenario_or_an_error(
    write: Write, good: str, pieces: list[tuple[int, int, list[str]]]
) -> None:
    """Cutting and inserting pieces anywhere never gives anything but a scenario or its problems."""
    text = good
    for at, cut, put in pieces:
        text = text[:at] + "".join(put) + text[at + cut :]
    result = outcome(write(text))
    assert isinstance(result, Scenario) or result.problems
