"""The rules of timers, where their pairs do not show it: a protocol's timers end with its binding."""

from typing import Final

from ndisemu.drivers.protocols import Station
from ndisemu.kernel import Timer
from ndisemu.ndis import v5
from tests.verifier.exercises import found_in

LATER: Final = 1_000_000


class LooksLater(Station):
    """It has a last look at its counters a while after its clean-up has begun."""

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        timer = binding.initialize_timer(lambda: None)
        timer.set(LATER)
        await super().unbind_adapter(binding)
        self.give_up(timer)

    def give_up(self, timer: Timer) -> None:
        """It comes."""


class GivesUp(LooksLater):
    """It has no look any more when the binding is closed."""

    def give_up(self, timer: Timer) -> None:
        timer.cancel()


def test_a_timer_that_outlives_its_binding_is_told() -> None:
    """It expires in a protocol that is gone."""
    found = found_in(LooksLater, "traffic")
    assert [finding.rule for finding in found] == ["timer-halt"]
    assert found[0].text.startswith("near on a.eth0 was unbound with <Timer near on a.eth0 timer due at ")


def test_a_timer_may_be_cancelled_at_the_end_of_the_unbind() -> None:
    """The binding is closed by then, and the protocol still there."""
    assert found_in(GivesUp, "traffic") == []
