"""Bad drivers: whatever they do, there is a report with their own line, and everybody else goes on."""

import asyncio
import gc
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import ndisemu
from ndisemu.scenario.load import load
from ndisemu.scenario.result import Result
from ndisemu.scenario.run import Options, run

DRIVERS: Final = """
import asyncio
import sys

from ndisemu import RingMiniport, Status
from ndisemu.hw import registers as reg

class RaisesWhenMade(RingMiniport):
    def __init__(self): raise ValueError("when made")
class ExitsWhenMade(RingMiniport):
    def __init__(self): sys.exit(7)
class WantsMore(RingMiniport):
    def __init__(self, more): pass
class AsyncIsr(RingMiniport):
    async def isr(self): return True, True
class RaisesInInitialize(RingMiniport):
    def initialize(self, adapter): raise ValueError("in initialize")
class RaisesLateInInitialize(RingMiniport):
    def initialize(self, adapter):
        super().initialize(adapter)
        raise ValueError("late in initialize")
class ExitsInInitialize(RingMiniport):
    def initialize(self, adapter): sys.exit(7)
class CancelsInInitialize(RingMiniport):
    async def initialize(self, adapter): raise asyncio.CancelledError
class RefusesToStart(RingMiniport):
    def initialize(self, adapter): return Status.RESOURCES
class InitializesForEver(RingMiniport):
    async def initialize(self, adapter): await asyncio.get_running_loop().create_future()
class RaisesInQuery(RingMiniport):
    def query_information(self, request): raise ValueError("in query")
class RaisesInIsr(RingMiniport):
    def isr(self): raise ValueError("in isr")
class RaisesInDpc(RingMiniport):
    def handle_interrupt(self): raise ValueError("in dpc")
class SpinsOnARegister(RingMiniport):
    def handle_interrupt(self):
        while not self.registers.read(reg.STATUS) & 1 << 31: pass
class Spins(RingMiniport):
    def handle_interrupt(self):
        while True: pass
class RaisesInSend(RingMiniport):
    async def send_packets(self, packets): raise ValueError("in send")
class RaisesInPlainSend(RingMiniport):
    def send_packets(self, packets): raise ValueError("in plain send")
class LeavesInPlainSend(RingMiniport):
    def send_packets(self, packets): raise GeneratorExit
class ExitsInSend(RingMiniport):
    async def send_packets(self, packets): sys.exit(7)
class RaisesAfterSuspension(RingMiniport):
    async def send_packets(self, packets):
        await self.ndis.delay(1_000)
        raise ValueError("after suspension")
class NeverCompletes(RingMiniport):
    async def send_packets(self, packets):
        bursts = self.tx.split(packets)
        async with self.turn:
            for burst in bursts:
                while not self.tx.has_room(burst):
                    await self.tx.room()
                self.tx.post((burst,))
class RaisesInReturn(RingMiniport):
    def return_packets(self, packets): raise ValueError("in return")
class RaisesInHalt(RingMiniport):
    def halt(self): raise ValueError("in halt")
class HaltsForEver(RingMiniport):
    async def halt(self): await asyncio.get_running_loop().create_future()
class Leaks(RingMiniport):
    def halt(self): pass
class Outside:
    pass
"""

SCENARIO: Final = """\
version: 1
name: a bad driver between good ones
hosts:
  a: {{nics: {{eth0: {{miniport: {{class: "{driver}"}}}}, eth1: {{}}}}}}
  b: {{nics: {{eth0: {{}}, eth1: {{}}}}}}
links:
  - {{between: [a.eth0, b.eth0], delay: 5us}}
  - {{between: [a.eth1, b.eth1], delay: 5us}}
traffic:
  - {{from: a.eth0, to: b.eth0, kind: generator, frames: 200, size: 64, burst: 16}}
  - {{from: b.eth0, to: a.eth0, kind: generator, frames: 200, size: 64, burst: 16}}
  - {{from: a.eth1, to: b.eth1, kind: generator, frames: 200, size: 64, burst: 16}}
"""

Run = Callable[[str], Result]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The module with the bad drivers, on the path under a name that no other test has."""
    name = f"bad_drivers_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(DRIVERS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


@pytest.fixture
def bad(tmp_path: Path, module: str) -> Run:
    """Return a function that runs a bad driver, named alone or with its module, and looks at what it leaves behind."""

    async def inside(file: Path) -> Result:
        result = await run(load(file), Options(out=tmp_path / "out"))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    def outcome(driver: str) -> Result:
        file = tmp_path / "s.yaml"
        file.write_text(SCENARIO.format(driver=driver if ":" in driver else f"{module}:{driver}"), encoding="utf-8")
        before = descriptors()
        result = ndisemu.run(inside(file))
        assert descriptors() == before
        assert not result["passed"]
        assert [book for book in result["books"] if not book["balanced"]] == []
        return result

    return outcome


def descriptors() -> int:
    """Count what is open; a mapping stays until the rings in it are collected."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def has_own_line(trace: str, line: str) -> bool:
    """Tell whether a traceback is Python's own and has the driver's file and this line."""
    return trace.startswith("Traceback (most recent call last):") and "bad_drivers_of_" in trace and line in trace


@pytest.mark.parametrize(
    ("driver", "text", "line"),
    [
        ("RaisesWhenMade", "cannot be made: ValueError('when made')", 'raise ValueError("when made")'),
        ("ExitsWhenMade", "cannot be made: SystemExit(7)", "sys.exit(7)"),
        ("WantsMore", "cannot be made: TypeError", ""),
        ("AsyncIsr", "cannot be registered: entry-async: AsyncIsr.isr is MiniportISR", ""),
        ("Outside", "is not a class derived from ndisemu.v5.Miniport", ""),
        ("asyncio", "is not a class derived from ndisemu.v5.Miniport", ""),
        ("Missing", "cannot be imported: AttributeError", ""),
        ("no_such_module:Mine", "cannot be imported: ModuleNotFoundError", ""),
    ],
)
def test_a_driver_that_cannot_be_had_is_reported_with_its_card(bad: Run, driver: str, text: str, line: str) -> None:
    """Nothing runs; the report names the card, the class as it was written, and the driver's own line."""
    result = bad(driver)
    assert (result["ended"], result["nics"]) == ("failed", {})
    (finding,) = result["violations"]
    assert finding["text"].startswith("a.eth0: the driver ")
    assert driver in finding["text"]
    assert text in finding["text"]
    assert line in finding["trace"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("raise ImportError('on purpose')", "ImportError('on purpose')"),
        ("import sys; sys.exit(3)", "SystemExit(3)"),
        ("def f(:", "SyntaxError"),
        ("import no_such_module_at_all", "ModuleNotFoundError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_reported_with_its_own_traceback(
    bad: Run, tmp_path: Path, source: str, text: str
) -> None:
    """What a module does while it is imported ends the run with a report, never the command."""
    name = f"unimportable_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    importlib.invalidate_caches()
    (finding,) = bad(f"{name}:Mine")["violations"]
    assert f"the driver {name}:Mine cannot be imported: {text}" in finding["text"]
    assert source in finding["trace"]


@pytest.mark.parametrize(
    ("driver", "rule", "text", "line"),
    [
        ("RaisesInInitialize", "bugcheck", "MiniportInitialize raised ValueError: in initialize", "in initialize"),
        ("RaisesLateInInitialize", "bugcheck", "MiniportInitialize raised ValueError: late", "late in initialize"),
        ("ExitsInInitialize", "bugcheck", "MiniportInitialize raised SystemExit: 7", "sys.exit(7)"),
        ("RefusesToStart", "st-init-status", "MiniportInitialize returned NDIS_STATUS_RESOURCES", ""),
        ("RaisesInQuery", "bugcheck", "MiniportQueryInformation raised ValueError: in query", "in query"),
        ("RaisesInIsr", "bugcheck", "MiniportISR raised ValueError: in isr", "in isr"),
        ("RaisesInDpc", "bugcheck", "MiniportHandleInterrupt raised ValueError: in dpc", "in dpc"),
        ("SpinsOnARegister", "int-dpc-time", "a DPC on a.cpu0 has passed 1000000 preemption points", "1 << 31"),
        pytest.param("Spins", "bugcheck", "driver code has kept a.cpu0", "while True", marks=pytest.mark.slow),
    ],
)
def test_a_driver_that_does_not_start_ends_the_run(bad: Run, driver: str, rule: str, text: str, line: str) -> None:
    """The link comes up while it starts, so a bad interrupt routine shows here too; the run ends before traffic."""
    result = bad(driver)
    assert result["ended"] == "failed"
    (finding,) = result["violations"]
    assert (finding["rule"], finding["actor"], finding["time"]) == (rule, "a.eth0", 0)
    assert text in finding["text"]
    assert has_own_line(finding["trace"], line) or not line


def test_a_driver_that_starts_for_ever_is_given_up(bad: Run) -> None:
    """After a minute of the run's time NDIS stops waiting for MiniportInitialize."""
    result = bad("InitializesForEver")
    (finding,) = result["violations"]
    assert result["ended"] == "failed"
    assert finding["text"] == "MiniportInitialize has not returned within 60 s"
    assert finding["time"] == 60_000_000_000


def test_a_cancellation_out_of_a_driver_is_no_interrupt(bad: Run) -> None:
    """A driver that raises CancelledError by itself has failed, and nobody has pressed Ctrl-C."""
    result = bad("CancelsInInitialize")
    (finding,) = result["violations"]
    assert result["ended"] == "failed"
    assert has_own_line(finding["trace"], "raise asyncio.CancelledError")


@pytest.mark.parametrize(
    ("driver", "entry", "line", "failed"),
    [
        ("RaisesInSend", "MiniportSendPackets raised ValueError: in send", "in send", 200),
        ("RaisesInPlainSend", "MiniportSendPackets raised ValueError: in plain send", "in plain send", 200),
        ("LeavesInPlainSend", "MiniportSendPackets raised GeneratorExit", "raise GeneratorExit", 200),
        ("ExitsInSend", "MiniportSendPackets raised SystemExit: 7", "sys.exit(7)", 200),
        ("RaisesAfterSuspension", "MiniportSendPackets raised ValueError: after suspension", "after suspension", 200),
        ("RaisesInReturn", "MiniportReturnPacket raised ValueError: in return", "in return", None),
    ],
)
def test_a_driver_that_fails_in_traffic_stops_alone(
    bad: Run, driver: str, entry: str, line: str, failed: int | None
) -> None:
    """Its sends fail, each once; the other card of the same host and the other hosts carry all their frames."""
    result = bad(driver)
    assert result["ended"] == "idle"
    (finding,) = result["violations"]
    assert (finding["rule"], finding["actor"], finding["cpu"], finding["irql"]) == ("bugcheck", "a.eth0", "a.cpu0", 2)
    assert finding["text"] == entry
    assert finding["time"] == {"RaisesAfterSuspension": 1_000, "RaisesInReturn": finding["time"]}.get(driver, 0)
    assert has_own_line(finding["trace"], line)
    sends = result["nics"]["a.eth0"]["sends"]
    assert sends["submitted"] == sends["completed"] + sends["failed"] == 200
    assert failed in (None, sends["failed"])
    assert [flow["intact"] for flow in result["flows"]][2] == 200


def test_a_driver_that_never_completes_is_named_with_what_it_holds(bad: Run) -> None:
    """When its binding closes NDIS waits, then stops the adapter and cancels the sends it holds."""
    result = bad("NeverCompletes")
    (finding,) = result["violations"]
    assert (finding["rule"], finding["actor"]) == ("send-never-completed", "a.eth0")
    assert "cannot close" in finding["text"]
    sends = result["nics"]["a.eth0"]["sends"]
    assert sends["submitted"] == sends["cancelled"] > 0
    assert [flow["intact"] for flow in result["flows"]][1:] == [200, 200]


@pytest.mark.parametrize(
    ("driver", "rules", "line"),
    [
        ("RaisesInHalt", ["bugcheck"], 'raise ValueError("in halt")'),
        ("HaltsForEver", ["st-watchdog-halt"], ""),
        (
            "Leaks",
            ["st-halt-stop-hw", "int-deregister-halt", "shm-leak", "shm-leak", "shm-leak", "pool-leak", "pool-leak"],
            "",
        ),
    ],
)
def test_a_driver_that_does_not_halt_well_is_reported_after_all_its_traffic(
    bad: Run, driver: str, rules: list[str], line: str
) -> None:
    """All frames were carried; what MiniportHalt left undone is listed and reclaimed."""
    result = bad(driver)
    assert [flow["intact"] for flow in result["flows"]] == [200, 200, 200]
    assert [finding["rule"] for finding in result["violations"]] == rules
    assert {finding["actor"] for finding in result["violations"]} == {"a.eth0"}
    assert has_own_line(result["violations"][0]["trace"], line) or not line


@pytest.mark.parametrize("driver", ["RaisesAfterSuspension", "NeverCompletes", "Leaks"])
def test_a_bad_driver_fails_in_the_same_way_every_time(bad: Run, driver: str) -> None:
    """Also a run that ends in a bug check can be repeated, event for event."""
    one, other = bad(driver), bad(driver)
    assert one["trace_sha256"] == other["trace_sha256"]
    assert one["violations"] == other["violations"]
