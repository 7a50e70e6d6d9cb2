"""One adapter under watch: its rules, and what each of them is told."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ndisemu.kernel import Kernel
from ndisemu.ndis import Adapter, co, v5
from ndisemu.verifier.call import Call, Look
from ndisemu.verifier.rule import Model, Moment, Refused, Rule

if TYPE_CHECKING:
    from ndisemu.verifier.ledger import Ledger

_NOBODY: Final[tuple[Look, ...]] = ()


class Watch:
    """The rules of one adapter; `calls` are the calls that are under way on all adapters, innermost last."""

    def __init__(self, adapter: Adapter, ledger: "Ledger", calls: list[Call], rules: Sequence[type[Rule]]) -> None:
        self.adapter = adapter
        self.kernel: Kernel = adapter.kernel
        self.ledger = ledger
        self.calls = calls
        self.model = model_of(adapter)
        self.rules = [rule(self) for rule in rules if rule.models & self.model and not issubclass(rule, Refused)]
        self._looks: dict[tuple[Moment, str], tuple[Callable[..., None], ...]] = {}
        for rule in self.rules:
            for method, moment, names in rule.interests():
                for name in names or ("",):
                    self._looks[moment, name] = (*self._looks.get((moment, name), ()), getattr(rule, method))

    def __repr__(self) -> str:
        return f"<Watch on {self.adapter.name}: {len(self.rules)} rules>"

    def looks(self, moment: Moment, name: str = "") -> tuple[Callable[..., None], ...]:
        """Return who is told of this moment, of the routine or field `name` where it is of one."""
        return self._looks.get((moment, name), _NOBODY)

    def wants(self, name: str) -> bool:
        """Whether any rule asks for this routine by name."""
        return any((moment, name) in self._looks for moment in Moment)

    def tell(self, looks: Sequence[Callable[..., None]], *facts: Any) -> None:
        """Tell the rules; one that fails over what a driver has done is our defect, and disturbs nobody."""
        for look in looks:
            try:
                look(*facts)
            except Exception as error:  # noqa: BLE001 - a driver may hand over anything, and the run goes on
                name = getattr(look, "__qualname__", repr(look))
                self.kernel.report("verifier", self.adapter.name, f"{name} failed: {error!r}", error, watched=True)

    def inside(self, *names: str) -> Call | None:
        """Return the innermost call under way of one of these routines for this adapter, if there is one."""
        for call in reversed(self.calls):
            if call.name in names and self.adapter in (call.who, getattr(call.who, "adapter", None)):
                return call
        return None

    def report(self, rule: Rule, text: str, about: object) -> None:
        """Record a breach of `rule`."""
        self.kernel.report(rule.id, self.adapter.name, text, watched=True, about=about)


def model_of(adapter: Adapter) -> Model:
    """Return whose rules an adapter has to keep."""
    circuits = isinstance(adapter.miniport, co.Miniport | co.v6.Miniport)
    if isinstance(adapter.miniport, v5.Miniport):
        model = Model.SERIALIZED if adapter.lock is not None else Model.DESERIALIZED
    else:
        model = Model.NDIS6
    return model | Model.CIRCUITS if circuits else model
