"""What is done to a driver so that its mistakes show, by the names that pairs give."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from ndisemu.drivers.faulty import Pair
from ndisemu.errors import BugCheck, RuleViolation
from ndisemu.kernel import Finding, run
from ndisemu.machine import Emulation
from ndisemu.scenario.load import load
from ndisemu.scenario.run import Options, run as run_scenario
from ndisemu.verifier import Verification
from tests.verifier.bench import Bench
from tests.verifier.exercises import condis, receive, send, stream
from tests.verifier.exercises.usual import busy_reset, failed_start, life, removal, shutdown, slow_answers

CHECKED: Final = Verification(touch=True)
"""All rules, those that watch single fields too."""

LOADING: Final = Path(__file__).parent / "loading.yaml"
"""The scenario of a driver that is only named."""

EXERCISES: Final[Mapping[str, Callable[[Bench], Awaitable[None]]]] = {
    "life": life,
    "busy reset": busy_reset,
    "removal": removal,
    "shutdown": shutdown,
    "failed start": failed_start,
    "slow answers": slow_answers,
    **condis.EXERCISES,
    **receive.EXERCISES,
    **send.EXERCISES,
    **stream.EXERCISES,
}


def found_in(driver: type, exercise: str, verify: Verification | None = CHECKED) -> list[Finding]:
    """Exercise a driver; returns what was found wrong with it, until its adapter has halted."""
    return run(_exercise(driver, exercise, verify))


async def _exercise(driver: type, exercise: str, verify: Verification | None) -> list[Finding]:
    async with Emulation(seed=1, warn=False, verify=verify) as emulation:
        try:
            await EXERCISES[exercise](Bench(emulation, driver))
        except BugCheck:
            # What stopped it is among the findings.
            await emulation.idle()
        except RuleViolation as refusal:
            # A driver that NDIS does not even take is refused to whoever brings it.
            if all(finding.rule != refusal.rule for finding in emulation.findings):
                emulation.kernel.report(refusal.rule, driver.__name__, refusal.text)
            await emulation.idle()
    return emulation.findings


def found_of(pair: Pair, driver: type) -> list[tuple[str, str, str]]:
    """Return what one driver of a pair is found to do: rules, drivers and texts."""
    if pair.exercise == "loading":
        name = f"{driver.__module__}:{driver.__qualname__}"
        scenario = load(LOADING, [f"hosts.a.nics.eth0.miniport={{class: '{name}'}}"])
        findings = run(run_scenario(scenario, Options()))["violations"]
        return [(found["rule"], found["driver"], found["text"]) for found in findings]
    return [(finding.rule, finding.driver, finding.text) for finding in found_in(driver, pair.exercise)]
