"""Overrides from the command line: what they change, and where their mistakes are."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from ndisemu.errors import ScenarioError
from ndisemu.scenario.fields import Endpoint
from ndisemu.scenario.load import load
from ndisemu.scenario.schema import Scenario

Write = Callable[[str | bytes], Path]
Problems = Callable[..., list[str]]

WORDS = ["a", "eth0", "a.eth0", "zz.eth0", "5", "5us", "-1", "1e999", "true", "~", "imix", "all", "source-mac", "Ω"]
VALUES = st.recursive(
    st.sampled_from(WORDS) | st.integers().map(str),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(["nics", "eth0", "kind", "from", "class", "zz"]), inner, max_size=3).map(
            lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"
        )
    ),
    max_leaves=6,
)
STEPS = st.sampled_from(
    ["hosts", "a", "nics", "eth0", "mac", "links", "0", "between", "traffic", "1", "size", "file", "expect"]
)

here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(path: Path, *overrides: str) -> Scenario | ScenarioError:
    """Return what loading gives; any other exception is a failure."""
    try:
        return load(path, overrides)
    except ScenarioError as error:
        return error


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ("seed=9", lambda scenario: scenario.seed == 9),
        ("clock=real", lambda scenario: scenario.clock == "real"),
        ("name=a=b", lambda scenario: scenario.name == "a=b"),
        ("hosts.a.nics.eth0.tx_ring=8", lambda scenario: scenario.nic(Endpoint("a", "eth0")).tx_ring == 8),
        ("links.0.rate=10Gbit/s", lambda scenario: scenario.links[0].rate == 10**10),
        ("traffic.0.size=[60, 64]", lambda scenario: scenario.traffic[0].size == (60, 64)),
        ("hosts.c={nics: {}}", lambda scenario: list(scenario.hosts) == ["a", "b", "c"]),
        ("expect=[]", lambda scenario: scenario.expect == ()),
        ("duration=", lambda scenario: scenario.duration is None),
    ],
)
def test_an_override_replaces_or_adds_a_value(
    write: Write, good: str, change: str, read: Callable[[Scenario], bool]
) -> None:
    """A path of keys and indexes leads to any value, or to a key that may be there."""
    path = write(good)
    assert not read(load(path))
    assert read(load(path, [change]))


def test_the_last_override_counts(write: Write, good: str) -> None:
    """Overrides apply in their order."""
    assert load(write(good), ["seed=1", "seed=2"]).seed == 2


def test_an_override_leaves_other_users_of_an_alias_alone(write: Write) -> None:
    """Where two hosts are one aliased map, a change of one does not reach the other."""
    path = write("version: 1\nname: n\nhosts: {a: &h {nics: {eth0: {}}}, b: *h}\n")
    scenario = load(path, ["hosts.a.cpus=4", "hosts.a.nics.eth0.mtu=9000"])
    assert (scenario.hosts["a"].cpus, scenario.hosts["b"].cpus) == (4, 1)
    assert (scenario.hosts["a"].nics["eth0"].mtu, scenario.hosts["b"].nics["eth0"].mtu) == (9000, None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("seed=x", "1:6: seed must be a whole number, not the text 'x'"),
        ("hosts.a.nics.eth0.tx_ring=12", "1:27: tx_ring must be a multiple of 8 between 8 and 4096, not 12"),
        ("hosts.a.cpu=2", "1:9: unknown key 'cpu' in hosts.a (did you mean 'cpus'?)"),
        ("hosts.aa.cpus=2", "1:7: nothing is at 'hosts.aa', so nothing in it can be set (did you mean 'hosts.a'?)"),
        ("link.0=2", "1:1: nothing is at 'link', so nothing in it can be set (did you mean 'links'?)"),
        (
            "hosts.a.nics.x.itr=2us",
            "1:14: nothing is at 'hosts.a.nics.x', so nothing in it can be set; the keys there are eth0",
        ),
        ("links.1.rate=1Gbit/s", "1:7: '1' is no index of 'links', which has only 0"),
        ("traffic.two.size=60", "1:9: 'two' is no index of 'traffic', which has 0 to 1"),
        ("traffic.-1.size=60", "1:9: '-1' is no index of 'traffic', which has 0 to 1"),
        ("seed.deep=1", "1:6: 'seed' is neither a map nor a list with items, so nothing in it can be set"),
        ("seed", "1:1: 'seed' sets nothing; write a.b=c, such as links.0.rate=10Gbit/s"),
        ("links.0.rate=[a,", "1:17: not valid YAML: did not find expected node content"),
        ("links.0.between=[a.eth0, b.eth1]", "1:26: there is no NIC 'b.eth1' (did you mean 'b.eth0'?)"),
        ("links.0={between: [a.eth0, b.eth0], x: 1}", "1:37: unknown key 'x' in links.0"),
        ("name=\udcff", "1:6: character U+DCFF cannot stand in YAML"),
    ],
)
def test_a_wrong_override_has_its_place(problems: Problems, good: str, change: str, expected: str) -> None:
    """Problems of the first override are on line 1 of `--set`, at the column of the key or value."""
    (problem,) = problems((good), change)
    assert problem.startswith(f"--set:{expected}")


def test_wrong_overrides_and_files_are_told_together(problems: Problems, good: str) -> None:
    """Each override is a line of its own, and does not hide what is wrong in the file."""
    assert problems((good.replace("seed: 7", "seed: x")), "mtu=1", "hosts.a.cpus=99", "clock") == [
        "--set:1:5: mtu must be between 68 and 16110, not 1",
        "--set:2:14: cpus must be between 1 and 64, not 99",
        "--set:3:1: 'clock' sets nothing; write a.b=c, such as links.0.rate=10Gbit/s",
        "3:7: seed must be a whole number, not the text 'x'",
    ]


@here
@given(changes=st.lists(st.tuples(st.lists(STEPS, min_size=1, max_size=5).map(".".join), VALUES), max_size=3))
def test_any_override_is_a_scenario_or_an_error(write: Write, good: str, changes: list[tuple[str, str]]) -> None:
    """Any value at any path of a good scenario gives a scenario, or problems of the overrides or the file."""
    result = outcome(write(good), *[f"{path}={value}" for path, value in changes])
    assert isinstance(result, Scenario) or result.problems
