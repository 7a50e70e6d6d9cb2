"""What is done to a driver so that its mistakes show, by the names that pairs give."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from ndisemu.drivers.faulty import Pair
from ndisemu.errors import BugCheck, RuleViolation
from ndisemu.kernel import Finding, run
from ndisemu.machine import Emulation
from ndisemu.verifier import Verification
from tests.verifier.bench import Bench
from tests.verifier.exercises import receive, send, stream
from tests.verifier.exercises.usual import busy_reset, failed_start, life, removal, shutdown

CHECKED: Final = Verification(touch=True)
"""All rules, those that watch single fields too."""

EXERCISES: Final[Mapping[str, Callable[[Bench], Awaitable[None]]]] = {
    "life": life,
    "busy reset": busy_reset,
    "removal": removal,
    "shutdown": shutdown,
    "failed start": failed_start,
    **receive.EXERCISES,
    **send.EXERCISES,
    **stream.EXERCISES,
}


def found_in(driver: type, exercise: str, verify: Verification | None = CHECKED) -> list[Finding]:
    """Exercise a driver; returns what was found wrong with it, until its adapter has halted."""
    return run(_exercise(driver, exercise, verify))


async def _exercise(driver: type, exercise: str, verify: Verification | None) -> list[Finding]:
    async with Emulation(seed=1, warn=False, verify=verify) as emulation:
        bench = Bench(emulation, driver)
        try:
            await EXERCISES[exercise](bench)
        except (BugCheck, RuleViolation):
            # What stopped it is among the findings.
            await emulation.idle()
    return emulation.findings


def rules_found(pair: Pair, driver: type) -> set[str]:
    """Return the rules that one driver of a pair breaks."""
    return {finding.rule for finding in found_in(driver, pair.exercise)}
