"""The end of a DPC: the card may interrupt again, or it never does."""

from typing import Final

from ndisemu.verifier.call import Call
from ndisemu.verifier.card import causes, mask, unread
from ndisemu.verifier.rule import ANY, Rule, after, before, quiet
from ndisemu.verifier.rules.interrupt.service import SERVICE
from ndisemu.verifier.watch import Watch

# How long after the last service nobody can say any more that a DPC is on its way.
_LONG: Final = 1_000_000_000


class IntDpcReenable(Rule):
    """Every way out of a DPC lets the card interrupt again, or has that done later."""

    id = "int-dpc-reenable"
    models = ANY
    source = "DDK: MiniportInterruptDPC, MiniportHandleInterrupt"
    why = "A card that stays masked is deaf and mute: what it raises from then on nobody learns of."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._served: int | None = None
        self._said = False

    @after(*SERVICE)
    def serviced(self, call: Call) -> None:
        """Remember when the driver last said that it would see to its card."""
        if isinstance(call.result, tuple) and call.result and call.result[0]:
            self._served = self.watch.kernel.now

    @before("MiniportReset", "MiniportResetEx")
    def resetting(self, call: Call) -> None:
        """Look at what a hang check has found, long after the last interrupt."""
        served = self._served
        if self.watch.adapter.resetting.why and served is not None and self.watch.kernel.now - served >= _LONG:
            self._look()

    @quiet
    def nothing_happens(self) -> None:
        """Look at a card whose driver has had time for everything."""
        adapter = self.watch.adapter
        if self._served is not None and adapter.running and adapter.refusal is None:
            self._look()

    def _look(self) -> None:
        """Look whether the card wants to interrupt, and may not for anything; it is said once, as resets begin anew."""
        adapter = self.watch.adapter
        interrupt, flows = adapter.resources.interrupt, getattr(adapter, "may_indicate", True)
        works = interrupt is not None and interrupt.connected and flows and not adapter.removed
        if self._said or not works or mask(adapter):
            return
        frames, raised = unread(adapter), causes(adapter)
        if frames or raised:
            self._said = True
            what = f"{frames} frames lie unread in its ring" if frames else "nobody looks"
            self.broken(
                f"the card of {adapter.name} has raised the causes {raised:#x} with its mask 0, and {what}; a DPC that "
                "its service routine has masked the card for unmasks it on every way out"
            )


RULES: Final[tuple[type[Rule], ...]] = (IntDpcReenable,)
