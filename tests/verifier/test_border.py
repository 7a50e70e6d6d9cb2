"""The border: what rules are told of calls over it, and that being told changes nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

import ndisemu
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.drivers.protocols import Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Packet, Status, v5
from ndisemu.scenario.load import load
from ndisemu.scenario.run import Options, run
from ndisemu.verifier import EVERYTHING, Rule, Verification
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import EVERY, after, before, ended, halted, quiet, wire
from tests.verifier.exercises import found_in

QUICKSTART: Final = Path(__file__).parents[2] / "scenarios" / "quickstart.yaml"
SENDS: Final = ("MiniportSend", "MiniportSendPackets", "MiniportSendNetBufferLists")


class Diary(Rule):
    """A rule that writes down what it is told."""

    id = "diary"
    models = EVERY
    source = "a test"
    why = "To see what is told"
    told: ClassVar[list[str]] = []

    def note(self, line: str) -> None:
        """Write a line about the adapter under test."""
        if self.watch.adapter.name == "a.eth0":
            self.told.append(line)

    @before(*SENDS, "NdisMSendComplete", "NdisMSendNetBufferListsComplete")
    def begins(self, call: Call) -> None:
        """Note a call that begins."""
        self.note(f"before {call.name} of {len(call.items)}")

    @after(*SENDS)
    def comes_back(self, call: Call) -> None:
        """Note that control is back."""
        self.note(f"after {call.name}: {call.result}")

    @ended(*SENDS)
    def is_over(self, call: Call) -> None:
        """Note that it is really over."""
        self.note(f"ended {call.name}: {call.result}")

    @wire
    def sends(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Note frames on the wire."""
        self.note(f"{len(frames)} on the wire")

    @quiet
    def is_quiet(self) -> None:
        """Note that nothing is left to do."""
        self.note("quiet")

    @halted
    def has_halted(self) -> None:
        """Note that the adapter has halted."""
        self.note("halted")


@pytest.fixture
def diary(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], list[str]]:
    """Exercise a driver; returns the diary of it."""

    def keep(driver: type) -> list[str]:
        told: list[str] = []
        monkeypatch.setattr(Diary, "told", told)
        assert found_in(driver, "life", Verification([Diary])) == []
        return told

    return keep


def test_a_coroutine_comes_back_as_pending_and_is_over_later(diary: Callable[[type], list[str]]) -> None:
    """Between the two lies its completion."""
    told = diary(RingMiniport)
    first = told[: told.index("ended MiniportSendPackets: None") + 1]
    assert first[:2] == ["before MiniportSendPackets of 8", "after MiniportSendPackets: NDIS_STATUS_PENDING"]
    assert first.index("8 on the wire") < first.index("before NdisMSendComplete of 8") < len(first)


@pytest.mark.parametrize("driver", [LegacyMiniport, Ring6Miniport])
def test_each_generation_is_told_by_its_own_names(driver: type, diary: Callable[[type], list[str]]) -> None:
    """A plain function is over when it is back."""
    told = diary(driver)
    name = "MiniportSendNetBufferLists" if driver is Ring6Miniport else "MiniportSend"
    assert any(line.startswith(f"before {name} of") for line in told)
    assert len([line for line in told if line.startswith("after")]) == len(
        [line for line in told if line.startswith("ended")]
    )


def test_the_moments_without_a_call_are_told_in_their_order(diary: Callable[[type], list[str]]) -> None:
    """Nothing is left to do, and then the adapter halts."""
    assert diary(RingMiniport)[-2:] == ["quiet", "halted"]


class CallsItself(Station):
    """It begins with its own entry point, at the level at which it is, as many a protocol ends its own requests."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        status = await super().bind_adapter(context)
        self.receive_complete(context)  # type: ignore[arg-type]
        return status

    def receive_complete(self, binding: v5.Binding) -> None:
        """Look at nothing."""


def test_a_driver_that_calls_its_own_entry_point_crosses_no_border() -> None:
    """It is no call of NDIS, so no level is asked of it."""
    assert found_in(CallsItself, "life") == []


class Mistaken(Rule):
    """A rule that fails."""

    id = "mistaken"
    models = EVERY
    source = "a test"
    why = "To see what becomes of it"

    @before("MiniportSendPackets")
    def fail(self, call: Call) -> None:
        """Divide by nothing."""
        raise ZeroDivisionError


def test_a_rule_that_fails_is_reported_as_our_defect_and_disturbs_nobody() -> None:
    """The driver sends as ever."""
    findings = found_in(RingMiniport, "life", Verification([Mistaken, Diary]))
    assert {(finding.rule, finding.text) for finding in findings} == {
        ("verifier", "Mistaken.fail failed: ZeroDivisionError()")
    }


FOREIGN: Final[tuple[Any, ...]] = (None, "packet", 7, [None], ["packet"], object(), {}, [object()])


@pytest.mark.parametrize("thing", FOREIGN, ids=lambda thing: type(thing).__name__)
@pytest.mark.parametrize("call", ["send_complete", "indicate_receive"])
def test_what_is_no_packet_is_named_with_the_drivers_line(call: str, thing: object) -> None:
    """Whatever a driver hands over, the rule is named, and never a failure of the verifier."""

    class HandsOver(RingMiniport):
        def handle_interrupt(self) -> None:
            super().handle_interrupt()
            arguments = (thing, Status.SUCCESS) if call == "send_complete" else (thing,)
            getattr(self.ndis, call)(*arguments)

    findings = found_in(HandsOver, "life")
    first = next(finding for finding in findings if finding.rule == "call-argument")
    assert "test_border.py" in first.stack[0]
    assert "verifier" not in {finding.rule for finding in findings}


def test_watching_changes_nothing() -> None:
    """The quickstart has no finding, and its events are the same checked and free."""
    checked, free = (ndisemu.run(run(load(QUICKSTART), Options(verify=verify))) for verify in (EVERYTHING, None))
    assert checked["violations"] == []
    assert checked["trace_sha256"] == free["trace_sha256"]
    assert {key for key in checked if checked[key] != free[key]} == {"build"}


class Twice(RingMiniport):
    """It completes what is complete."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets)
        self.ndis.send_complete(packets, Status.SUCCESS)


def test_no_call_of_a_packet_is_lost_in_its_history() -> None:
    """A second completion has the first one before it, and the submission before that."""
    finding = next(one for one in found_in(Twice, "life") if one.rule == "send-double-complete")
    calls = [line.split(": ")[1].split(",")[0] for line in finding.history]
    assert calls == [
        "NdisSendPackets", "MiniportSendPackets", "NdisMSendComplete", "ProtocolSendComplete", "NdisMSendComplete",
    ]  # fmt: skip
    assert finding.about.startswith("packet#")
    assert finding.driver.endswith("Twice")


class Reader(Rule):
    """A rule that copies the frames of all that is sent."""

    id = "reader"
    models = EVERY
    source = "a test"
    why = "To see what is kept"
    calls: ClassVar[list[Call]] = []

    @before(*SENDS)
    def begins(self, call: Call) -> None:
        """Copy, and have the same copies again."""
        frames = call.frames()
        assert frames is call.frames()
        self.calls.append(call)


@pytest.mark.parametrize("driver", [RingMiniport, Ring6Miniport, LegacyMiniport])
def test_no_call_keeps_copies_of_frames_when_it_has_ended(driver: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger keeps thousands of calls."""
    calls: list[Call] = []
    monkeypatch.setattr(Reader, "calls", calls)
    assert found_in(driver, "traffic", Verification([Reader])) == []
    assert calls
    assert all(call._frames is None for call in calls)
