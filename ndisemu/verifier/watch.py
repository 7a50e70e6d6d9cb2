"""One adapter under watch: its rules, and what each of them is told."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ndisemu.kernel import Kernel, shown
from ndisemu.ndis import Adapter, co, v5
from ndisemu.verifier.arguments import spoilt
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import Model, Moment, Refused, Rule

if TYPE_CHECKING:
    from ndisemu.verifier.ledger import Ledger

Looks: TypeAlias = tuple[Callable[..., None], ...]
"""Methods of rules that are told the same."""

# Of a call: who is told before it, when control has come back, and when a coroutine has ended.
_OF_CALLS: Final = (Moment.BEFORE, Moment.AFTER, Moment.ENDED)
NOBODY: Final[tuple[Looks, Looks, Looks]] = ((), (), ())


class Watch:
    """The rules of one adapter; `calls` are the calls that are under way on all adapters, innermost last.

    `looks` has for each routine that a rule asks for who is told of its calls: before, after, and at the end.
    """

    def __init__(self, adapter: Adapter, ledger: "Ledger", calls: list[Call], rules: Sequence[type[Rule]]) -> None:
        self.adapter = adapter
        self.kernel: Kernel = adapter.kernel
        self.ledger = ledger
        self.calls = calls
        self.model = model_of(adapter)
        mine = [rule for rule in rules if rule.models & self.model]
        self.rules = [rule(self) for rule in mine if not issubclass(rule, Refused) or rule.interests()]
        self._looks: dict[Moment, dict[str, Looks]] = {moment: {} for moment in Moment}
        for rule in self.rules:
            for method, moment, names in rule.interests():
                told = self._looks[moment]
                for name in names or ("",):
                    told[name] = (*told.get(name, ()), getattr(rule, method))
        before, after, ended = (self._looks[moment] for moment in _OF_CALLS)
        self.looks = {
            name: (before.get(name, ()), after.get(name, ()), ended.get(name, ())) for name in before | after | ended
        }

    def __repr__(self) -> str:
        return f"<Watch on {self.adapter.name}: {len(self.rules)} rules>"

    def wants(self, name: str) -> bool:
        """Whether any rule asks for this routine by name."""
        return any(name in told for told in self._looks.values())

    def looks_for(self, rule_id: str) -> bool:
        """Whether a rule is on."""
        return any(rule.id == rule_id for rule in self.rules)

    def tell_of(self, moment: Moment, *facts: Any, name: str = "") -> None:
        """Tell the rules of a moment that is no call: `name` is the field where it is about one."""
        for look in self._looks[moment].get(name, ()):
            try:
                look(*facts)
            except Exception as error:  # noqa: BLE001 - a driver may hand over anything, and the run goes on
                self.failed(_title(look), error)

    def tell_call(self, looks: Looks, call: Call) -> None:
        """Tell rules of a call; one that fails over what a driver has done is our defect, and disturbs nobody."""
        for look in looks:
            try:
                look(call)
            except Exception as error:  # noqa: BLE001 - a driver may hand over anything, and the run goes on
                self.failed(_title(look), error, call)

    def failed(self, what: str, error: Exception, call: Call | None = None) -> None:
        """Record why a look has failed: over what a driver has made of what the call is about, or by a defect of ours."""
        found = None if call is None else spoilt(call.items)
        if call is not None and found is not None:
            item, wrong = found
            text = f"{call.name} of {call.who.name} was about {shown(item)}, which {wrong}"
            self.breach("descriptor-whole", text, item, call.who.name)
        else:
            self.kernel.report("verifier", self.adapter.name, f"{what} failed: {shown(error)}", error, watched=True)

    def breach(self, rule_id: str, text: str, about: object, by: str) -> None:
        """Record a breach of a rule that looks at nothing by itself, if that rule is on."""
        for rule in self.rules:
            if rule.id == rule_id:
                rule.broken(text, about, by)

    def inside(self, *names: str) -> Call | None:
        """Return the innermost call under way of one of these routines for this adapter, if there is one.

        What the running code has interrupted is not under way for it: another processor's calls, and those below a DPC.
        """
        cpu = self.kernel.current
        dpc = None if cpu is None else cpu.running_dpc
        for call in reversed(self.calls):
            mine = call.cpu is cpu and call.dpc is dpc and call.name in names
            if mine and self.adapter in (call.who, getattr(call.who, "adapter", None)):
                return call
        return None

    @property
    def initializing(self) -> bool:
        """Whether NDIS starts the adapter, which is when a driver gets its resources."""
        return str(self.adapter.state.current.value).startswith("Initializing")

    @property
    def shutting_down(self) -> bool:
        """Whether the running code works for the adapter's shutdown handler."""
        return self.inside("MiniportShutdown", "MiniportShutdownEx") is not None

    def binding_of(self, protocol: object) -> str:
        """Return the name of the binding that a protocol has here; nothing if it has none."""
        return next((binding.name for binding in self.adapter.bindings if binding.protocol is protocol), "")

    def either(self, binding: str) -> str:
        """Name both drivers that may have made a mistake: the miniport, and the protocol of this binding."""
        drivers = self.kernel.drivers
        return f"{drivers[self.adapter.name]} or {drivers.get(binding, binding)}"

    def report(self, rule: Rule, text: str, about: object, by: str, stack: tuple[str, ...] | None = None) -> None:
        """Record a breach of `rule`."""
        self.kernel.report(rule.id, self.adapter.name, text, watched=True, about=about, by=by, stack=stack)


def _title(look: Callable[..., None]) -> str:
    """Return the name of a rule's method."""
    return f"{type(getattr(look, '__self__', look)).__name__}.{look.__name__}"


def model_of(adapter: Adapter) -> Model:
    """Return whose rules an adapter has to keep."""
    circuits = isinstance(adapter.miniport, co.Miniport | co.v6.Miniport)
    if isinstance(adapter.miniport, v5.Miniport):
        model = Model.SERIALIZED if adapter.lock is not None else Model.DESERIALIZED
    else:
        model = Model.NDIS6
    return model | Model.CIRCUITS if circuits else model
