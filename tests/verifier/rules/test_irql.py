"""The rules of IRQL and locks, where pairs do not show them: what does not add up, and what a report says."""

from collections.abc import Iterator

import pytest

from ndisemu.drivers.faulty.irql.levels import LowersToAnOlderLevel, SaysDispatchAtPassive
from ndisemu.drivers.faulty.irql.locks import Locking, StallsUnderItsLock
from ndisemu.drivers.faulty.irql.waits import StallsManyTimes
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Status, v6
from tests.verifier.exercises import found_in


def texts(driver: type, rule: str) -> Iterator[str]:
    """Give what is said of one rule, each text once."""
    return iter(dict.fromkeys(finding.text for finding in found_in(driver, "life") if finding.rule == rule))


class StallsInEveryDpc(RingMiniport):
    """Each of its DPCs is short; together they stall for long."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        for _ in range(10):
            self.ndis.stall(50_000)


class StallsAtPassive(RingMiniport):
    """Its threads may be interrupted while they stall."""

    async def halt(self) -> None:
        for _ in range(40):
            self.ndis.stall(50_000)
        await super().halt()


class StallsBetweenAwaits(RingMiniport):
    """It gives the processor away between its stalls."""

    async def reset(self) -> Status:
        for _ in range(40):
            self.ndis.stall(50_000)
            await self.ndis.delay(1000)
        return await super().reset()


class TakesItsLockAnew(Locking):
    """It holds its lock twice, and each time for a short while."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        for _ in range(2):
            with self.own:
                self.ndis.stall(20_000)


class NestsItsLevels(Ring6Miniport):
    """It raises twice and lowers twice, in an entry at PASSIVE_LEVEL and in a DPC."""

    def restart(self) -> Status:
        self.nest()
        return super().restart()

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        self.nest()
        super().interrupt_dpc(context, throttle)

    def nest(self) -> None:
        """Raise and lower, innermost first."""
        levels = [self.ndis.raise_irql(), self.ndis.raise_irql()]
        for level in reversed(levels):
            self.ndis.lower_irql(level)


@pytest.mark.parametrize(
    "driver", [StallsInEveryDpc, StallsAtPassive, StallsBetweenAwaits, TakesItsLockAnew, NestsItsLevels]
)
def test_what_is_short_each_time_or_in_order_is_no_breach(driver: type) -> None:
    """Only what one stretch of code does in one go adds up."""
    assert found_in(driver, "life") == []


class LowersOnly(Ring6Miniport):
    """It lowers what it has never raised."""

    def restart(self) -> Status:
        self.ndis.lower_irql(0)
        return super().restart()


@pytest.mark.parametrize(
    ("driver", "rule", "said"),
    [
        (StallsManyTimes, "irql-stall-loop", "a.eth0 has stalled for 1.050 ms in one go, by many calls"),
        (StallsUnderItsLock, "spin-hold-time", "a.eth0 own is held for 40.000 us with this stall; release it before"),
        (LowersToAnOlderLevel, "irql-irqlsetting", "NDIS_LOWER_IRQL was called with PASSIVE_LEVEL; the last raise has"),
        (LowersOnly, "irql-irqlsetting", "NDIS_LOWER_IRQL was called with PASSIVE_LEVEL; raise before you lower"),
        (SaysDispatchAtPassive, "irql-flag-truth", "NdisMSendNetBufferListsComplete was called at PASSIVE_LEVEL with"),
    ],
)  # fmt: skip
def test_a_report_says_what_was_done_and_what_would_have_been_right(driver: type, rule: str, said: str) -> None:
    """With the numbers and levels of the breach."""
    assert next(texts(driver, rule)).startswith(said)


@pytest.mark.parametrize("flags", [v6.SendCompleteFlag.SINGLE_QUEUE, 0])
def test_other_flags_say_nothing_of_the_level(flags: int) -> None:
    """Only the lowest does."""

    class Says(Ring6Miniport):
        def restart(self) -> Status:
            self.ndis.send_complete([], flags)
            return super().restart()

    assert found_in(Says, "life") == []
