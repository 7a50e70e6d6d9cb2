"""Each mistake of the checklist has a test in which a driver makes it, and its report says who, where and when."""

from collections.abc import Callable
from typing import Final

import pytest

import ndisemu
from ndisemu import RingMiniport, Status
from ndisemu.kernel import DISPATCH, Finding
from ndisemu.verifier import Verifier
from tests.seeds.checklist import MISTAKES, Mistake
from tests.seeds.evidence import missing

POINTS: Final = 15
"""How many the reference has."""


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_every_mistake_is_made_in_a_test_that_is_there(mistake: Mistake) -> None:
    """Each mistake has a test, and each that is named exists."""
    assert mistake.shown_by
    assert missing(mistake.shown_by) == []


def test_every_point_is_there() -> None:
    """All points of the checklist, in order, and no mistake twice."""
    assert [*dict.fromkeys(mistake.point for mistake in MISTAKES)] == [*range(1, POINTS + 1)]
    assert len({str(mistake) for mistake in MISTAKES}) == len(MISTAKES)


class Wrong(RingMiniport):
    """A driver that makes one mistake, in the DPC of each interrupt once it is told to."""

    bad = False

    def mistake(self) -> None:
        """Do something wrong."""

    def handle_interrupt(self) -> None:
        """Be wrong first."""
        if self.bad:
            self.mistake()
        super().handle_interrupt()


class CompletesNoReset(Wrong):
    """Completes a reset that nobody has asked for."""

    def mistake(self) -> None:
        self.ndis.reset_complete(Status.SUCCESS)


class CompletesNoRequest(Wrong):
    """Completes a query that nobody has made."""

    def mistake(self) -> None:
        self.ndis.query_information_complete(Status.SUCCESS)


class OpensItsGate(Wrong):
    """Tells NDIS that it has room, though it is deserialized."""

    def mistake(self) -> None:
        self.ndis.send_resources_available()


class AllocatesLate(Wrong):
    """Allocates shared memory outside MiniportInitialize."""

    def mistake(self) -> None:
        self.ndis.allocate_shared_memory(64)


class KeepsItsLock(Wrong):
    """Returns from its DPC with a lock."""

    def mistake(self) -> None:
        self.ndis.allocate_spin_lock().dpr_acquire()


class MakesATimer(Wrong):
    """Makes a timer at DISPATCH_LEVEL."""

    def mistake(self) -> None:
        self.ndis.initialize_timer(lambda: None)


async def findings_of(driver: Callable[[], Wrong]) -> list[Finding]:
    """Let a bad driver receive a frame, which arrives after 5 us on the cable, and return what is found."""
    async with ndisemu.Emulation() as emu:
        ours, theirs = emu.host("a"), emu.host("b")
        emu.connect(ours.nic("eth0", driver), theirs.nic("eth0", RingMiniport), delay="5us")
        slot = ours.slots["eth0"]
        Verifier(emu.kernel).attach(slot.adapter)
        await ours.bind("eth0")
        sender = await theirs.bind("eth0")
        assert isinstance(slot.adapter.miniport, Wrong)
        slot.adapter.miniport.bad = True
        await sender.send([slot.nic.mac + bytes(54)])
        await emu.idle()
    return emu.findings


# Each with the rule, and with the entry point or the call that its text names.
SAMPLE: Final[list[tuple[type[Wrong], str, str]]] = [
    (CompletesNoReset, "st-reset-complete-unexpected", "MiniportHandleInterrupt"),
    (CompletesNoRequest, "oid-double-complete", "MiniportHandleInterrupt"),
    (OpensItsGate, "send-resources-available-deserialized", "MiniportHandleInterrupt"),
    (AllocatesLate, "shm-alloc-init-only", "MiniportHandleInterrupt"),
    (MakesATimer, "irql-table-5x", "NdisMInitializeTimer"),
    (KeepsItsLock, "spin-held-ndis-call", "NdisMIndicateReceivePacket"),
    (KeepsItsLock, "spin-held-at-return", "a.eth0 lock"),
]


@pytest.mark.parametrize(("driver", "rule", "where"), SAMPLE, ids=[f"{d.__name__}-{rule}" for d, rule, _ in SAMPLE])
def test_a_report_says_who_where_in_which_state_and_when(driver: type[Wrong], rule: str, where: str) -> None:
    """A finding has the adapter and its state, the entry point or the call, CPU, IRQL and virtual time."""
    (finding,) = (finding for finding in ndisemu.run(findings_of(driver)) if finding.rule == rule)
    assert (finding.actor, finding.state, finding.cpu, finding.irql) == ("a.eth0", "Running", "a.cpu0", DISPATCH)
    assert where in finding.text
    # 576 ns on the wire of 1 Gbit/s: eight of preamble, 60 of frame, four of FCS.
    assert finding.time == 5_000 + 576
