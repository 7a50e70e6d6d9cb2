"""The IRQL rules: each is broken by a small driver, kept by its mended twin, and changes nothing by watching."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest

import ndisemu
from ndisemu import RingMiniport, Status
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.errors import RuleViolation
from ndisemu.kernel import Finding, SpinLock
from ndisemu.machine import Emulation
from ndisemu.ndis import Packet
from ndisemu.ndis.v5 import AdapterInfo, Miniport
from ndisemu.scenario.load import load
from ndisemu.scenario.run import Options, run
from ndisemu.verifier import IrqlRules
from ndisemu.verifier.irql import ADMITS

QUICKSTART: Final = Path(__file__).parents[2] / "scenarios" / "quickstart.yaml"


class Locking(RingMiniport):
    """A driver with a lock of its own."""

    own: SpinLock

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.own = self.ndis.allocate_spin_lock("own")
        return super().initialize(adapter)


class MapsUnderALock(RingMiniport):
    """It holds a lock while it calls what needs PASSIVE_LEVEL."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        with self.ndis.allocate_spin_lock():
            return super().initialize(adapter)


class MapsWithoutALock(RingMiniport):
    """It gives the lock back before."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        with self.ndis.allocate_spin_lock():
            self.prepared = True
        return super().initialize(adapter)


class MakesATimerInItsDpc(RingMiniport):
    """NdisMInitializeTimer belongs to PASSIVE_LEVEL."""

    def handle_interrupt(self) -> None:
        self.ndis.initialize_timer(lambda: None)
        super().handle_interrupt()


class MakesATimerInAWorkItem(RingMiniport):
    """A work item runs at PASSIVE_LEVEL."""

    def handle_interrupt(self) -> None:
        self.ndis.schedule_work_item(lambda: self.ndis.initialize_timer(lambda: None))
        super().handle_interrupt()


class SleepsInItsDpc(RingMiniport):
    """NdisMSleep needs a thread; that it is refused here makes no difference to who broke the rule."""

    def handle_interrupt(self) -> None:
        with suppress(RuleViolation):
            self.ndis.sleep(1)
        super().handle_interrupt()


class DelaysInItsDpc(RingMiniport):
    """A timer is for every level up to DISPATCH_LEVEL."""

    def handle_interrupt(self) -> None:
        self.ndis.delay(1)
        super().handle_interrupt()


class CompletesInItsIsr(RingMiniport):
    """NdisMSendComplete is not for DIRQL."""

    def isr(self) -> tuple[bool, bool]:
        self.ndis.send_complete([], Status.SUCCESS)
        return super().isr()


class CompletesInItsDpc(RingMiniport):
    """The DPC is for that."""

    def handle_interrupt(self) -> None:
        self.ndis.send_complete([], Status.SUCCESS)
        super().handle_interrupt()


class HandlesInItsIsr(RingMiniport):
    """It enters its own MiniportHandleInterrupt at DIRQL."""

    def isr(self) -> tuple[bool, bool]:
        ours, queue = super().isr()
        if ours:
            causes, self.pending_causes = self.pending_causes, 0
            self.handle_interrupt()
            self.pending_causes = causes
        return ours, queue


class HandlesInItsDpc(RingMiniport):
    """It asks for the DPC."""

    def isr(self) -> tuple[bool, bool]:
        return super().isr()


class SendsUnderItsLock(Locking):
    """What NdisMSendComplete leads to may be the next send, which wants the same lock."""

    def handle_interrupt(self) -> None:
        with self.own:
            self.ndis.send_complete([], Status.SUCCESS)
        super().handle_interrupt()


class SendsAfterItsLock(Locking):
    """What is protected ends before the call."""

    def handle_interrupt(self) -> None:
        with self.own:
            self.prepared = True
        self.ndis.send_complete([], Status.SUCCESS)
        super().handle_interrupt()


class KeepsItsLock(Locking):
    """MiniportReturnPacket comes back with the lock, and so at a higher level when it was entered below it."""

    def return_packets(self, packets: Sequence[Packet]) -> None:
        if self.own.owner is None:
            self.own.acquire()
        super().return_packets(packets)


class GivesItsLockBack(Locking):
    """What is raised is lowered."""

    def return_packets(self, packets: Sequence[Packet]) -> None:
        with self.own:
            pass
        super().return_packets(packets)


PAIRS: Final[tuple[tuple[type[RingMiniport], type[RingMiniport], str, str], ...]] = (
    (
        MapsUnderALock, MapsWithoutALock, "irql-call",
        "NdisMMapIoSpace was called at DISPATCH_LEVEL; it may be called at IRQL == PASSIVE",
    ),
    (
        MakesATimerInItsDpc, MakesATimerInAWorkItem, "irql-call",
        "NdisMInitializeTimer was called at DISPATCH_LEVEL; it may be called at IRQL == PASSIVE",
    ),
    (
        SleepsInItsDpc, DelaysInItsDpc, "irql-call",
        "NdisMSleep was called at DISPATCH_LEVEL; it may be called at IRQL < DISPATCH",
    ),
    (
        CompletesInItsIsr, CompletesInItsDpc, "irql-call",
        "NdisMSendComplete was called at DIRQL 5; it may be called at IRQL <= DISPATCH",
    ),
    (
        HandlesInItsIsr, HandlesInItsDpc, "irql-entry",
        "MiniportHandleInterrupt was called at DIRQL 5; it may be called at IRQL == DISPATCH",
    ),
    (
        SendsUnderItsLock, SendsAfterItsLock, "lock-held-call",
        "NdisMSendComplete was called while holding a.eth0 own; release it before, as NDIS may call back",
    ),
    (
        KeepsItsLock, GivesItsLockBack, "irql-restore",
        "MiniportReturnPacket was entered at PASSIVE_LEVEL and returned at DISPATCH_LEVEL; lower what you raise",
    ),
)  # fmt: skip
IDS: Final = [bad.__name__ for bad, _, _, _ in PAIRS]


async def exercise(driver: type[RingMiniport], *, checked: bool) -> tuple[list[Finding], list[bytes]]:
    """Carry a frame each way with the driver on one side; return what was found and what arrived."""
    async with ndisemu.Emulation() as emulation:
        ours, theirs = cards(emulation, driver)
        if checked:
            IrqlRules(emulation.kernel).attach(ours.slots["eth0"].adapter)
        arrived = []
        a, b = await ours.bind("eth0"), await theirs.bind("eth0")
        for sender, receiver, to in ((a, b, theirs), (b, a, ours)):
            await sender.send([to.slots["eth0"].nic.mac + bytes(54)])
            arrived += await receiver.receive()
        await emulation.idle()
    return emulation.findings, arrived


def cards(emulation: Emulation, driver: type[Miniport]) -> tuple[ndisemu.Host, ndisemu.Host]:
    """Make two hosts with a cable between them, the first with the driver."""
    ours, theirs = emulation.host("a"), emulation.host("b")
    emulation.connect(ours.nic("eth0", driver), theirs.nic("eth0", RingMiniport))
    return ours, theirs


@pytest.mark.parametrize(("bad", "mended", "rule", "text"), PAIRS, ids=IDS)
def test_a_driver_that_breaks_a_rule_is_told_where_and_what_would_be_right(
    bad: type[RingMiniport], mended: type[RingMiniport], rule: str, text: str
) -> None:
    """The finding has the rule, the adapter, the CPU, both levels and the level that the contract wants."""
    findings, arrived = ndisemu.run(exercise(bad, checked=True))
    assert (rule, text) in {(finding.rule, finding.text) for finding in findings}
    assert {finding.cpu for finding in findings if finding.rule == rule} == {"a.cpu0"}
    assert {finding.actor for finding in findings if finding.rule == rule} == {"a.eth0"}
    assert {finding.rule for finding in findings if finding.rule in {"irql-call", "irql-entry"}} <= {rule}
    assert len(arrived) == 2


@pytest.mark.parametrize(("bad", "mended", "rule", "text"), PAIRS, ids=IDS)
def test_the_mended_driver_breaks_none(
    bad: type[RingMiniport], mended: type[RingMiniport], rule: str, text: str
) -> None:
    """Doing the same where it belongs is silent."""
    findings, arrived = ndisemu.run(exercise(mended, checked=True))
    assert findings == []
    assert len(arrived) == 2


@pytest.mark.parametrize(("bad", "mended", "rule", "text"), PAIRS, ids=IDS)
def test_the_free_build_has_no_irql_rules_and_the_same_outcome(
    bad: type[RingMiniport], mended: type[RingMiniport], rule: str, text: str
) -> None:
    """Without the verifier nobody reports, and the same frames arrive, broken rules or not."""
    findings, arrived = ndisemu.run(exercise(bad, checked=False))
    assert rule not in {finding.rule for finding in findings}
    assert arrived == ndisemu.run(exercise(bad, checked=True))[1]


@pytest.mark.parametrize("driver", [RingMiniport, LegacyMiniport])
def test_the_send_entry_is_watched(driver: type[Miniport]) -> None:
    """What a verifier puts in the place of the send entry is what NDIS calls, whichever of the two a driver has."""

    async def main() -> list[str]:
        async with ndisemu.Emulation() as emulation:
            host, _ = cards(emulation, driver)
            slot = host.slots["eth0"]
            watched: list[str] = []
            IrqlRules(emulation.kernel).attach(slot.adapter)
            for entry in ("send", "send_packets"):
                wrapped = getattr(slot.adapter.miniport, entry)
                setattr(slot.adapter.miniport, entry, partial(note, watched, entry, wrapped))
            await (await host.bind("eth0")).send([slot.nic.mac + bytes(54)])
            return watched

    assert ndisemu.run(main()) == ["send" if driver is LegacyMiniport else "send_packets"]


def note(seen: list[str], entry: str, routine: Callable[..., object], *args: object) -> object:
    """Note that an entry point was called."""
    seen.append(entry)
    return routine(*args)


def test_the_reference_miniport_keeps_every_rule_and_watching_changes_nothing() -> None:
    """The quickstart has no finding, and its events are the same checked and free."""
    checked, free = (ndisemu.run(run(load(QUICKSTART), Options(checked=checked))) for checked in (True, False))
    assert checked["violations"] == []
    assert checked["trace_sha256"] == free["trace_sha256"]
    assert {key for key in checked if checked[key] != free[key]} == {"build"}


@pytest.mark.parametrize(
    ("declared", "admitted"),
    [
        ("== PASSIVE", {0}), ("< DISPATCH", {0, 1}), ("<= DISPATCH", {0, 1, 2}), ("== DISPATCH", {2}),
        ("== DIRQL", {3, 5, 15}), ("<= DIRQL", {0, 1, 2, 3, 5, 15}), ("any", {0, 1, 2, 3, 5, 15}),
    ],
)  # fmt: skip
def test_a_declaration_admits_just_these_levels(declared: str, admitted: set[int]) -> None:
    """The words of a contract mean what they say."""
    assert {level for level in (0, 1, 2, 3, 5, 15) if ADMITS[declared](level)} == admitted
