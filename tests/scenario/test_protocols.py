"""Protocols that a scenario names: what becomes of those that fail, and that those that come with ndisemu keep the rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import ndisemu
from ndisemu.scenario.load import load
from ndisemu.scenario.result import Result
from ndisemu.scenario.run import Options, run
from tests.scenario.conftest import Write

PROTOCOLS: Final = """
from ndisemu.drivers.protocols import Station, Station6
from ndisemu.kernel import Signal
from ndisemu.ndis import NetEvent, Status

class CannotBeMade(Station6):
    def __init__(self, name):
        super().__init__(name)

class WaitsInAHandler(Station6):
    async def send_complete(self, binding, nbls, flags):
        super().send_complete(binding, nbls, flags)

class NeverPauses(Station6):
    async def net_pnp_event(self, binding, event):
        if event.code is NetEvent.PAUSE:
            await Signal()
        return await super().net_pnp_event(binding, event)

class RaisesInBind(Station6):
    async def bind_adapter(self, context):
        raise ValueError("no")

class BindsNothing(Station6):
    async def bind_adapter(self, context):
        return Status.FAILURE

class RaisesInUnbind(Station6):
    async def unbind_adapter(self, binding):
        raise ValueError("no")

class ReturnsTwice(Station6):
    def receive_nbls(self, binding, nbls, port, flags):
        super().receive_nbls(binding, nbls, port, flags)
        binding.return_nbls(nbls)

class NeverUnbinds(Station):
    def unbind_adapter(self, binding):
        return Status.PENDING
"""

SCENARIO: Final = """\
version: 1
name: a protocol of somebody's own
hosts:
  a: {nics: {eth0: {miniport: ring6}}}
  b: {nics: {eth0: {miniport: ring6}}}
links:
  - {between: [a.eth0, b.eth0], rate: 1Gbit/s}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 1000, size: 60, burst: 16}
"""

Outcome = Callable[..., Result]


@pytest.fixture
def outcome(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Run the scenario with some changes, and return the result."""
    module = f"protocols_of_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(PROTOCOLS)
    monkeypatch.syspath_prepend(tmp_path)

    def made(*changes: str) -> Result:
        path = write(SCENARIO)
        return ndisemu.run(run(load(path, [change.replace("@", module) for change in changes]), Options()))

    return made


@pytest.mark.parametrize(
    ("miniport", "protocol", "rule", "text"),
    [
        ("ring6", "CannotBeMade", "driver", "cannot be made: TypeError"),
        ("ring6", "WaitsInAHandler", "entry-async", "must be a plain def, not async"),
        ("ring6", "NeverPauses", "proto-watchdogs", "has not returned within 60 s"),
        ("ring6", "RaisesInBind", "bugcheck", "ProtocolBindAdapter raised ValueError: no"),
        ("ring6", "BindsNothing", "driver", "did not bind to b.eth0"),
        ("ring6", "RaisesInUnbind", "bugcheck", "ProtocolUnbindAdapter raised ValueError: no"),
        ("ring6", "ReturnsTwice", "rx-return-once", "a protocol returns once what it was given"),
        ("ring", "NeverUnbinds", "proto-watchdogs", "returned PENDING and was not completed in 8.000 s"),
    ],
)
def test_a_protocol_that_fails_is_a_named_finding(
    outcome: Outcome, miniport: str, protocol: str, rule: str, text: str
) -> None:
    """It names the protocol's class, and not the miniport's; and the run ends in order."""
    result = outcome(f"hosts.b.nics.eth0={{miniport: {miniport}, protocol: {{class: '@:{protocol}'}}}}")
    assert {finding["rule"] for finding in result["violations"]} == {rule}
    assert text in result["violations"][0]["text"]
    assert {finding["driver"].partition(":")[2] for finding in result["violations"]} == {protocol}


@pytest.mark.parametrize("do", ["pause", "stop"])
def test_an_adapter_that_is_paused_or_gone_is_neither_deaf_nor_sent_to(outcome: Outcome, do: str) -> None:
    """Its ring fills, and its station sends nothing, also where a busy processor comes to it late."""
    result = outcome(f"faults=[{{at: 500us, on: b.eth0, do: {do}}}]")
    assert result["violations"] == []
    both = "{from: b.eth0, to: a.eth0, kind: generator, frames: 1000, size: 60, burst: 16}"
    result = outcome(
        f"faults=[{{at: 50us, on: b.eth0, do: {do}}}]", "hosts.b.costs={isr: 4us, dpc: 49us}", f"traffic=[{both}]"
    )
    assert result["violations"] == []
