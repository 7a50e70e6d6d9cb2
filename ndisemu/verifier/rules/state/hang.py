"""Hang checks: what makes one reset an adapter whose card does not hang."""

from typing import Final

from ndisemu.units import format_time
from ndisemu.verifier.call import Call
from ndisemu.verifier.card import idles
from ndisemu.verifier.rule import ANY, Rule, before, halted
from ndisemu.verifier.watch import Watch


class StHangReset(Rule):
    """No hang check finds anything wrong with an adapter whose card works and has nothing left to send."""

    id = "st-hang-reset"
    models = ANY
    source = "ndisemu; DDK: MiniportCheckForHang, CheckForHangTimeInSeconds"
    why = "A reset every few seconds loses frames each time, and hides the mistake that it was made for."
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        # By reason: how often, and when for the first time.
        self._resets: dict[str, tuple[int, int]] = {}

    @before("MiniportReset", "MiniportResetEx")
    def resetting(self, call: Call) -> None:
        """Count the resets that hang checks have asked for, unless card or cable may be to blame."""
        adapter = self.watch.adapter
        why, device = adapter.resetting.why, adapter.device
        # Whose line was shut off is known already.
        if why and device.target is None and not device.line.shut and idles(adapter):
            often, first = self._resets.get(why, (0, self.watch.kernel.now))
            self._resets[why] = often + 1, first

    @halted
    def over(self) -> None:
        """Say how often it was, and why."""
        for why, (often, first) in self._resets.items():
            times = "once" if often == 1 else f"{often} times"
            self.broken(
                f"NDIS has reset {self.watch.adapter.name} {times}, first at {format_time(first)}, as {why}, while its card "
                "worked and had nothing left to send; complete what has ended, and call hung only what is"
            )
        self._resets.clear()


RULES: Final[tuple[type[Rule], ...]] = (StHangReset,)
