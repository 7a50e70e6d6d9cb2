"""The IRQL rules: a miniport is entered and calls NDIS at the IRQL each contract declares.

Watched are a miniport's entry points and the library it calls, not protocols
and not register accesses. The contracts are those of `@ddi`; an adapter under watch gets its library
calls and entry points wrapped once, so an adapter that is not pays nothing.
A wrapper looks, reports, and calls on: it changes no result and no order.

Rules: `irql-call` (a library routine called at a forbidden IRQL),
`irql-entry` (an entry point entered at a forbidden IRQL, which would be a
defect of NDIS or of the driver's caller), `irql-restore` (an entry point
that returns at another IRQL than it was entered at), and of its own kind
`lock-held-call`: a spin lock of the driver is held while it hands something
over, so that what NDIS calls next may want the same lock.
"""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Kernel, irql_name
from ndisemu.ndis import Adapter
from ndisemu.ndis.ddi import Contract, Kind, contracts

P = ParamSpec("P")
R = TypeVar("R")

# What each declaration admits.
ADMITS: Final[dict[str, Callable[[int], bool]]] = {
    "== PASSIVE": lambda level: level == PASSIVE,
    "< DISPATCH": lambda level: level < DISPATCH,
    "<= DISPATCH": lambda level: level <= DISPATCH,
    "== DISPATCH": lambda level: level == DISPATCH,
    "== DIRQL": lambda level: level > DISPATCH,
    "<= DIRQL": lambda _: True,
    "any": lambda _: True,
}


def hands_over(call: str) -> bool:
    """Whether a call of NDIS may call back before it returns: the completions and the indications."""
    return call.endswith("Complete") or "Indicate" in call


class IrqlRules:
    """The IRQL rules for the adapters of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def attach(self, adapter: Adapter) -> None:
        """Watch an adapter: its miniport's entry points and the library it calls."""
        library = adapter.miniport.ndis
        for name, contract in contracts(type(library)).items():
            setattr(library, name, self._watched(getattr(library, name), contract, adapter))
        for name, contract in contracts(type(adapter.miniport)).items():
            setattr(adapter.miniport, name, self._watched(getattr(adapter.miniport, name), contract, adapter))

    def _watched(self, routine: Callable[P, R], contract: Contract, adapter: Adapter) -> Callable[P, R]:
        kernel, admits = self._kernel, ADMITS[contract.irql]
        is_call = contract.kind is Kind.CALL
        wants_no_lock = is_call and hands_over(contract.name)

        @wraps(routine)
        def watched(*args: P.args, **kwargs: P.kwargs) -> R:
            cpu = kernel.current
            if cpu is None:
                return routine(*args, **kwargs)
            level = cpu.irql
            if not admits(level):
                kernel.report(
                    "irql-call" if is_call else "irql-entry",
                    adapter.name,
                    f"{contract.name} was called at {irql_name(level)}; it may be called at IRQL {contract.irql}",
                    watched=True,
                )
            if wants_no_lock and cpu.locks:
                self._look_at_locks(cpu, contract, adapter)
            result = routine(*args, **kwargs)
            if not is_call and cpu.irql != level:
                kernel.report(
                    "irql-restore",
                    adapter.name,
                    f"{contract.name} was entered at {irql_name(level)} and returned at {irql_name(cpu.irql)}; "
                    "lower what you raise",
                    watched=True,
                )
            return result

        return watched

    def _look_at_locks(self, cpu: Cpu, contract: Contract, adapter: Adapter) -> None:
        for lock in cpu.locks:
            if lock.actor == adapter.name:
                self._kernel.report(
                    "lock-held-call",
                    adapter.name,
                    f"{contract.name} was called while holding {lock.name}; release it before, as NDIS may call back",
                    watched=True,
                )
