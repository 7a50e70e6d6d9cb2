"""The verifier: which rules are on, which adapters are under watch, and the moments that are no calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ndisemu.kernel import Kernel
from ndisemu.ndis import Adapter
from ndisemu.verifier.border import Border
from ndisemu.verifier.call import Call
from ndisemu.verifier.ledger import Ledger, Track
from ndisemu.verifier.rule import Moment, Rule
from ndisemu.verifier.rules import RULES
from ndisemu.verifier.watch import Watch


@dataclass(frozen=True, slots=True)
class Verification:
    """What to verify: the rules, how much of every object's past to remember, and whether to watch single fields."""

    rules: Sequence[type[Rule]] = RULES
    track: Track = Track.HISTORY
    touch: bool = False


EVERYTHING: Final = Verification()


class Verifier:
    """The verifier of one emulation; what it finds is in the kernel's findings."""

    def __init__(self, kernel: Kernel, verification: Verification = EVERYTHING) -> None:
        self._verification = verification
        self._calls: list[Call] = []
        self.ledger = Ledger(kernel, verification.track)
        self._border = Border(self._calls, self.ledger, self._fields() if verification.touch else ())
        self._watches: dict[str, Watch] = {}
        kernel.historian = self.ledger.history

    def __repr__(self) -> str:
        return f"<Verifier of {', '.join(self._watches) or 'nothing'}>"

    def _fields(self) -> list[str]:
        """Return the fields that the rules watch."""
        told = [interest for rule in self._verification.rules for interest in rule.interests()]
        return [field for _, moment, fields in told if moment is Moment.TOUCHED for field in fields]

    def attach(self, adapter: Adapter) -> Watch:
        """Watch an adapter that has not been started, and everybody who binds to it from now on."""
        watch = Watch(adapter, self.ledger, self._calls, self._verification.rules)
        self._watches[adapter.name] = watch
        self._border.watch(watch)
        return watch

    def sent(self, name: str, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """The card of the adapter of this name has put frames on the wire, each at its time (ns)."""
        watch = self._watches[name]
        watch.tell_of(Moment.WIRE, frames, times)

    def placed(self, name: str, frames: Sequence[bytes], _times: Sequence[int]) -> None:
        """The card of the adapter of this name has put frames where its driver finds them."""
        self._watches[name].tell_of(Moment.PLACED, frames)

    def quiet(self) -> None:
        """Nothing is left to do: what should have happened by now has not."""
        for watch in self._watches.values():
            watch.tell_of(Moment.QUIET)
