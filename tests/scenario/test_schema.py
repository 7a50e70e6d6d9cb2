"""The language's models: defaults, normalised values, bounds, and that a scenario cannot be changed."""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from ndisemu.drivers.catalogue import MINIPORTS, STATIONS
from ndisemu.scenario.fields import IMIX, MAX_FRAME, MAX_ITR, MAX_MTU, Endpoint
from ndisemu.scenario.names import FAULTS
from ndisemu.scenario.schema import PARTS, RING, Expectation, Fault, Generator, Link, Nic, Replay, Scenario

FLOW: Final = {"from": "a.eth0", "to": "b.eth0", "kind": "generator", "frames": 1, "size": 60}
MINIMAL: Final = {"version": 1, "name": "minimal", "hosts": {"a": {"nics": {"eth0": {}}}}}


def generator(**changes: object) -> Generator:
    """Return a generator that differs from the shortest one."""
    return Generator.model_validate(FLOW | changes)


def refused(error: ValidationError) -> str:
    """Return the message of the only mistake."""
    (details,) = error.errors()
    return details["msg"]


def test_the_shortest_scenario_has_the_documented_defaults() -> None:
    """What is not written has the defaults of the language."""
    scenario = Scenario.model_validate(MINIMAL)
    host = scenario.hosts["a"]
    nic = host.nics["eth0"]
    assert (scenario.seed, scenario.clock, scenario.duration, scenario.until, scenario.mtu) == (
        0,
        "virtual",
        None,
        None,
        1500,
    )
    assert (scenario.links, scenario.traffic, scenario.capture, scenario.expect) == ((), (), None, ())
    assert (host.cpus, host.memory) == (1, 64 << 20)
    assert (nic.mac, nic.miniport.path, nic.tx_ring, nic.rx_ring, nic.itr, nic.mtu) == (None, RING, 256, 256, 0, None)


def test_a_flow_has_the_documented_defaults() -> None:
    """Bursts of 64 as fast as they are taken, and a replay of all frames, both from the start."""
    made = generator()
    assert (made.burst, made.every, made.start, made.window) == (64, None, 0, None)
    replay = Replay.model_validate({"from": "a.eth0", "to": "b.eth0", "kind": "replay", "file": "web.pcapng"})
    assert (replay.file, replay.select, replay.start) == ("web.pcapng", "all", 0)


def test_a_nic_has_the_documented_driver_and_neighbours() -> None:
    """The reference miniport under a protocol of its generation, nothing more to configure, and an interrupt of its own."""
    nic = Nic()
    assert (nic.miniport.path, nic.protocol, nic.shares_interrupt_with, nic.parameters) == ("ring", None, None, {})


def test_a_fault_has_the_documented_defaults() -> None:
    """It happens once, and stays."""
    fault = Fault.model_validate({"at": "500ms", "on": "a.eth0", "do": "link_down"})
    assert (fault.at, fault.on, fault.do) == (500_000_000, Endpoint("a", "eth0"), "link_down")
    assert (fault.lasts, fault.every, fault.times) == (None, None, 1)


@pytest.mark.parametrize("name", MINIPORTS)
def test_a_miniport_is_known_by_the_name_in_the_catalogue(name: str) -> None:
    """A row of the catalogue is all that it takes to name a driver."""
    assert Nic.model_validate({"miniport": name}).miniport.path == name


def test_a_link_has_the_documented_defaults() -> None:
    """A gigabit cable of no length."""
    link = Link.model_validate({"between": ["a.eth0", "b.eth0"]})
    assert (link.rate, link.delay, link.mtu) == (10**9, 0, None)
    assert link.between == (Endpoint("a", "eth0"), Endpoint("b", "eth0"))


def test_values_are_in_what_the_emulation_counts_in() -> None:
    """Nanoseconds, bits per second, bytes and addresses; no text of the file is left."""
    nic = Nic.model_validate({"mac": "02-00-00-00-0A-01", "itr": "20us", "miniport": {"class": "my.drivers:Mine"}})
    assert (nic.mac, nic.itr, nic.miniport.path) == (b"\x02\x00\x00\x00\x0a\x01", 20_000, "my.drivers:Mine")
    link = Link.model_validate({"between": ["a.eth0", "b.eth0"], "rate": "unlimited", "delay": "1.5ms"})
    assert (link.rate, link.delay) == (None, 1_500_000)


@pytest.mark.parametrize(("size", "sizes"), [(60, (60,)), ([14, 1514], (14, 1514)), ("imix", IMIX)])
def test_sizes_become_a_sequence(size: object, sizes: tuple[int, ...]) -> None:
    """One size, a list and the mix are all what the generator goes through in turn."""
    assert generator(size=size).size == sizes


def test_the_mix_is_seven_four_one() -> None:
    """The simple Internet mix has its proportions and fits an MTU of 1500."""
    assert [IMIX.count(size) for size in (60, 590, 1514)] == [7, 4, 1]
    assert len(IMIX) == 12


def test_an_endpoint_is_written_as_it_is_read() -> None:
    """The text of an endpoint is the one that it is parsed from."""
    assert str(Endpoint("a", "eth0")) == "a.eth0"
    assert Endpoint.parse("a.eth0") == Endpoint("a", "eth0")
    assert [Endpoint.parse(text) for text in ("a", "a.", ".eth0", "a.b.c", "A.eth0", "a.eth0\n")] == [None] * 6


@pytest.mark.parametrize(
    ("model", "key", "low", "high"),
    [
        (Generator, "frames", 1, 10**12),
        (Generator, "size", 14, MAX_FRAME),
        (Generator, "burst", 1, 1024),
        (Generator, "window", 1, 10**6),
        (Nic, "mtu", 68, MAX_MTU),
        (Nic, "tx_ring", 8, 4096),
        (Nic, "rx_ring", 8, 4096),
    ],
)
def test_a_bound_belongs_to_what_it_bounds(model: type[Generator] | type[Nic], key: str, low: int, high: int) -> None:
    """The lowest and the highest value are taken, their neighbours outside are not."""
    rest = FLOW if model is Generator else {}
    for value in (low, high):
        assert key in model.model_validate(rest | {key: value}).model_fields_set
    for value in (low - 1, high + 1):
        with pytest.raises(ValidationError, match=f"{low} and {high}, not {value}"):
            model.model_validate(rest | {key: value})


@given(st.integers(-10, 10**10))
def test_a_ring_is_a_multiple_of_eight(size: int) -> None:
    """Sizes from 8 to 4096 that eight divides make a ring, and no others."""
    try:
        Nic.model_validate({"tx_ring": size})
        taken = True
    except ValidationError:
        taken = False
    assert taken == (size in range(8, 4097, 8))


def test_the_longest_interval_is_the_cards() -> None:
    """The moderation timer has 16 bits of 256 ns."""
    assert Nic.model_validate({"itr": f"{MAX_ITR}ns"}).itr == 65535 * 256
    with pytest.raises(ValidationError, match=r"and 16\.776 ms, not 16\.777 ms"):
        Nic.model_validate({"itr": "16777us"})


@pytest.mark.parametrize("value", [True, "256", 256.0, None, [256]])
def test_a_number_is_not_made_of_something_else(value: object) -> None:
    """A truth, a text, a fraction or a list is not taken for a whole number."""
    with pytest.raises(ValidationError):
        Nic.model_validate({"tx_ring": value})


@pytest.mark.parametrize(
    ("comparison", "below", "equal", "above"),
    [("equals", False, True, False), ("at_least", False, True, True), ("at_most", True, True, False)],
)
def test_an_expectation_compares(comparison: str, below: bool, equal: bool, above: bool) -> None:
    """Each comparison holds on its side of the bound, and for the bound itself."""
    expectation = Expectation.model_validate({"that": "a.eth0.sends.completed", comparison: 5})
    assert [expectation.holds(value) for value in (4, 5, 6)] == [below, equal, above]


def test_an_expectation_of_nothing_is_one() -> None:
    """Zero is a bound like any other."""
    expectation = Expectation.model_validate({"that": "violations", "equals": 0})
    assert (expectation.holds(0), expectation.holds(1)) == (True, False)


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ({"equals": 1}, "violations = 1"),
        ({"at_least": 1}, "violations at least 1"),
        ({"at_most": 0.5}, "violations at most 0.5"),
    ],
)
def test_an_expectation_reads_as_a_sentence(bounds: dict[str, float], text: str) -> None:
    """The text of an expectation names the number, the comparison and the bound."""
    assert str(Expectation.model_validate({"that": "violations", **bounds})) == text


@pytest.mark.parametrize(
    ("bounds", "said"), [({}, "none"), ({"equals": 1, "at_most": 2}, "equals and at_most"), ({"equals": None}, "none")]
)
def test_an_expectation_has_one_comparison(bounds: dict[str, object], said: str) -> None:
    """None and several are refused."""
    with pytest.raises(ValidationError) as caught:
        Expectation.model_validate({"that": "violations", **bounds})
    assert refused(caught.value) == f"must have one of equals, at_least and at_most, not {said}"


def test_an_own_mtu_goes_before_the_scenarios() -> None:
    """NICs and links without an MTU have the scenario's."""
    nics = {"eth0": {"mtu": 9000}, "eth1": {}}
    scenario = Scenario.model_validate(MINIMAL | {"mtu": 1400, "hosts": {"a": {"nics": nics}}})
    assert scenario.mtu_of(scenario.nic(Endpoint("a", "eth0"))) == 9000
    assert scenario.mtu_of(scenario.nic(Endpoint("a", "eth1"))) == 1400


def test_a_scenario_knows_its_file() -> None:
    """A located scenario has the path and hash, equals the one before, and finds captures beside it."""
    replay = {"from": "a.eth0", "to": "b.eth0", "kind": "replay", "file": "captures/web.pcapng"}
    scenario = Scenario.model_validate(MINIMAL | {"traffic": [replay]})
    located = scenario.located(Path("dir/s.yaml"), "abc")
    assert (located.path, located.source_sha256) == (Path("dir/s.yaml"), "abc")
    assert (scenario.path, located.traffic) == (Path(), scenario.traffic)
    (flow,) = located.traffic
    assert isinstance(flow, Replay)
    assert located.capture_path(flow) == Path("dir/captures/web.pcapng")


def test_a_scenario_cannot_be_changed() -> None:
    """Assignment to a part is refused."""
    nic = Nic()
    with pytest.raises(ValidationError, match="frozen"):
        nic.itr = 5


@pytest.mark.parametrize("pattern", PARTS, ids="-".join)
def test_every_key_is_described(pattern: tuple[str, ...]) -> None:
    """The JSON Schema that editors show has a sentence for each key of each map."""
    schema = PARTS[pattern].model_json_schema()
    assert all(key["description"].endswith(".") for key in schema["properties"].values())


def test_the_json_schema_has_what_is_written_not_what_is_counted() -> None:
    """To an editor a duration is text, a ring a bounded number, and keys have the language's names."""
    parts = Scenario.model_json_schema()["$defs"]
    ring = parts["Nic"]["properties"]["tx_ring"]
    assert parts["Nic"]["properties"]["itr"]["type"] == "string"
    assert (ring["minimum"], ring["maximum"], ring["multipleOf"]) == (8, 4096, 8)
    assert {"from", "to"} <= set(parts["Generator"]["required"])
    assert {"at", "on", "do"} == set(parts["Fault"]["required"])
    assert parts["Fault"]["properties"]["for"]["anyOf"][0]["type"] == "string"


def test_the_json_schema_has_the_words_of_the_tables() -> None:
    """To an editor a fault is one of its words, and a driver a name of the catalogue or a class."""
    parts = Scenario.model_json_schema()["$defs"]
    name, by_class = parts["Nic"]["properties"]["miniport"]["anyOf"]
    assert parts["Fault"]["properties"]["do"]["enum"] == list(FAULTS)
    assert (name["enum"], parts["Nic"]["properties"]["protocol"]["anyOf"][0]["enum"]) == (
        list(MINIPORTS),
        list(STATIONS),
    )
    assert (list(by_class["properties"]), by_class["required"]) == (["class"], ["class"])
