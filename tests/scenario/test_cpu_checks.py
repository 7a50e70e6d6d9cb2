"""What a scenario says of processors and of their costs is checked before anything runs, and told in its result."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pytest

import ndisemu
from ndisemu.kernel import MEASURED
from ndisemu.scenario.load import load
from ndisemu.scenario.named import CostTable
from ndisemu.scenario.names import CPU_COUNTERS
from ndisemu.scenario.run import Options, run

Write = Callable[[str | bytes], Path]
Problems = Callable[..., list[str]]

# What a test puts in comes on line 4, in host a, in its NIC, and behind the traffic.
TEXT: Final = """\
version: 1
name: n
hosts:
  a: {{cpus: 2, {host} nics: {{{name}: {{{nic}}}, eth1: {{}}}}}}
  b: {{nics: {{eth0: {{}}}}}}
links: [{{between: [a.{name}, b.eth0]}}]
traffic: [{{from: a.{name}, to: b.eth0, kind: generator, frames: 64, size: 60, burst: 8, {flow}}}]
{more}
"""


def text(*, host: str = "", name: str = "eth0", nic: str = "", flow: str = "", more: str = "") -> str:
    """Write a scenario with something put in."""
    return TEXT.format(host=host, name=name, nic=nic, flow=flow, more=more)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (text(nic="interrupt_cpu: 2"), "4:46: interrupt_cpu is 2, and the processors of host a are 0 to 1"),
        (text(nic="dpc_cpu: 2"), "4:40: dpc_cpu is 2, and the processors of host a are 0 to 1"),
        (text(flow="cpu: 2"), "7:92: cpu is 2, and the processors of host a are 0 to 1"),
        (
            text(flow="cpu: 64"),
            "7:92: cpu must be between 0 and 63, not 64",
        ),
        (
            text(nic="interrupt_cpu: 1, shares_interrupt_with: eth1"),
            "4:46: interrupt_cpu is that of the line, which it shares with eth1; say it there alone",
        ),
        (
            text(name="cpu0"),
            "4:24: cpu0 is what a processor is called; call the NIC something else, such as eth0",
        ),
        (
            text(more="clock: real\ncosts: measured"),
            "9:1: costs are modelled time, which the real clock does not have; remove one of them",
        ),
        (
            text(host="costs: {},", more="clock: real"),
            "4:16: costs are modelled time, which the real clock does not have; remove one of them",
        ),
        (
            text(more="costs: fast"),
            "8:8: costs must be measured or a map such as {isr: 4us, send_frame: 160ns}, not the text 'fast'",
        ),
        (text(more="costs: {irs: 5us}"), "8:9: unknown key 'irs' in costs (did you mean 'isr'?)"),
        (text(host="costs: {send: 5us},"), "4:24: unknown key 'send' in hosts.a.costs"),
        (text(more="costs: {isr: 5}"), "8:14: isr: '5' needs a unit, such as 5us"),
        (
            text(more="expect: [{that: a.cpu2.busy_ns, equals: 0}]"),
            "8:17: there is no counter 'a.cpu2.busy_ns' (did you mean 'a.cpu1.busy_ns'?)",
        ),
        (
            text(more="expect: [{that: a.cpu0.busy, equals: 0}]"),
            "8:17: there is no counter 'a.cpu0.busy' (did you mean 'a.cpu0.busy_ns'?)",
        ),
        (
            "version: 1\nname: n\nhosts:\n  a: {nics: {eth0: {miniport: stream, dpc_cpu: 0}}}\n",
            "4:39: dpc_cpu says nothing about a NIC of the driver stream: it has no card",
        ),
        (
            "version: 1\nname: n\nhosts:\n  a: {nics: {eth0: {dpc_cpu: 1}}}\n",
            "4:30: dpc_cpu is 1, and the processors of host a are 0 alone",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(problems: Problems, source: str, wanted: str) -> None:
    """By name, with what there is."""
    (found,) = problems(source)
    assert found.startswith(wanted)


@pytest.mark.parametrize("cpus", ["[1]", "true", "0", "many"])
def test_processors_that_cannot_be_counted_are_not_looked_for(problems: Problems, cpus: str) -> None:
    """What is wrong with their number is all that is told."""
    (found,) = problems(text(nic="interrupt_cpu: 1", flow="cpu: 1").replace("cpus: 2", f"cpus: {cpus}"))
    assert ": cpus must be " in found


def test_a_table_is_in_nanoseconds_and_a_host_may_have_its_own(write: Write) -> None:
    """Durations are read with their units; what a table does not name is free; `measured` is the published one."""
    scenario = load(write(text(host="costs: {isr: 2us, lock: 50ns},", more="costs: measured")))
    a, b = (scenario.costs_of(host) for host in scenario.hosts.values())
    assert a == CostTable.model_construct(isr=2000, lock=50)
    assert b is not None
    assert b.model_dump() == asdict(MEASURED)
    assert load(write(text())).costs_of(scenario.hosts["b"]) is None


def test_a_table_has_the_keys_of_the_kernels_and_no_others() -> None:
    """What the language can say is what is charged."""
    assert list(CostTable.model_fields) == list(asdict(MEASURED))


def test_a_result_says_what_each_processor_did(write: Write) -> None:
    """Each piece of work on the processor that it was given, every nanosecond of the run busy or idle."""
    source = text(
        nic="interrupt_cpu: 1",
        flow="cpu: 0",
        host="costs: {protocol_frame: 100ns, complete_frame: 10ns},",
        more="expect: [{that: a.cpu0.busy_ns, equals: 7040}, {that: a.cpu1.busy_ns, equals: 0}]",
    )
    result = ndisemu.run(run(load(write(source)), Options()))
    assert result["passed"]
    assert list(result["cpus"]) == ["a.cpu0", "a.cpu1"]
    for cpu in result["cpus"].values():
        assert list(cpu) == list(CPU_COUNTERS)
        assert cpu["busy_ns"] + cpu["idle_ns"] == result["virtual_time_ns"]
    assert (result["cpus"]["a.cpu0"]["interrupts"], result["cpus"]["a.cpu1"]["interrupts"] > 0) == (0, True)


def test_without_costs_processors_can_be_expected_and_are_not_listed(write: Write) -> None:
    """They have done nothing that takes time."""
    source = text(more="expect: [{that: a.cpu1.busy_ns, equals: 0}, {that: a.cpu0.dpcs, at_least: 1}]")
    result = ndisemu.run(run(load(write(source)), Options()))
    assert (result["passed"], result["cpus"]) == (True, {})


def test_modelled_time_is_the_same_every_time(write: Write) -> None:
    """Two runs have the same events at the same times, and so the same trace."""
    source = write(text(more="costs: measured", flow="cpu: 1", nic="miniport: legacy"))
    first, second = (ndisemu.run(run(load(source), Options())) for _ in range(2))
    assert first["trace_sha256"] == second["trace_sha256"]
    assert first["cpus"] == second["cpus"]
