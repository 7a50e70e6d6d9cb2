"""The IRQL rules: who may be called where, by one table; and what is entered at a level returns at it.

Microsoft's verifiers have one rule for each family of routines; they differ
in the routines only, which are in `irqltable`.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from ndisemu.kernel import DISPATCH, Cpu, irql_name
from ndisemu.ndis.v6 import SendFlag
from ndisemu.verifier.call import Call
from ndisemu.verifier.irqltable import ADMITTED, bounded, irqls, routines
from ndisemu.verifier.rule import EVERY, V5, Code, Interest, Model, Moment, Rule, after, before
from ndisemu.verifier.watch import Watch

# What is called with flags, of which the lowest says DISPATCH_LEVEL whatever their kind.
FLAGGED: Final = (
    "NdisMSendNetBufferListsComplete", "NdisMIndicateReceiveNetBufferLists", "NdisSendNetBufferLists",
    "NdisReturnNetBufferLists", "NdisMCoSendNetBufferListsComplete", "NdisMCoIndicateReceiveNetBufferLists",
    "NdisCoSendNetBufferLists",
)  # fmt: skip
_AT_DISPATCH: Final = int(SendFlag.DISPATCH_LEVEL)
_HIGH: Final = Code(0xA, "IRQL_NOT_LESS_OR_EQUAL")
_WHY: Final = (
    "A routine waits, touches pageable memory, or takes a lock of its own on the strength of the IRQL it is called at. "
    "Above it, the thread that it waits for cannot run, and the page that it needs cannot be read."
)


class Irql(Rule):
    """A family of routines is called where its table says."""

    models: ClassVar[Model] = Model.NDIS6
    source = "DDK: the IRQL line of each routine's page"
    why = _WHY
    code: ClassVar[Code | None] = _HIGH

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._irqls = irqls(self.id, watch.model)
        self._admitted = {name: ADMITTED[right] for name, right in self._irqls.items()}

    @classmethod
    def interests(cls) -> Sequence[Interest]:
        """Return the family's routines, without those that may be called anywhere."""
        return [("look", Moment.BEFORE, bounded(cls.id))]

    def look(self, call: Call) -> None:
        """Compare the level of the call with that of the table."""
        admitted = self._admitted.get(call.name)
        if admitted is None or call.irql is None or call.irql in admitted:
            return
        right, what = self._irqls[call.name], "entered" if call.is_entry else "called"
        self.broken(
            f"{call.name} was {what} at {irql_name(call.irql)}; it may be {what} at IRQL {right}",
            next(iter(call.items), None),
            "" if call.is_entry else call.who.name,
        )


class IrqlSendRcv(Irql):
    """Sends, receives, their completions, returns and cancels are called at DISPATCH_LEVEL or below."""

    id = "irql-sendrcv"
    microsoft = "Irql_SendRcv_Function"


class IrqlOid(Irql):
    """Requests are made, completed and cancelled at DISPATCH_LEVEL or below."""

    id = "irql-oid"
    microsoft = "Irql_OID_Function"


class IrqlNetBuffer(Irql):
    """Lists, buffers and their pools are made and freed at DISPATCH_LEVEL or below."""

    id = "irql-netbuffer"
    microsoft = "Irql_NetBuffer_Function"


class IrqlMiniport(Irql):
    """What a miniport asks of NDIS for itself is asked for where its page says, mostly at PASSIVE_LEVEL."""

    id = "irql-miniport"
    microsoft = "Irql_Miniport_Driver_Function"


class IrqlInterrupt(Irql):
    """An interrupt is registered and deregistered at PASSIVE_LEVEL."""

    id = "irql-interrupt"
    microsoft = "Irql_Interrupt_Function"


class IrqlGatherDma(Irql):
    """Scatter/gather lists are asked for at DISPATCH_LEVEL, shared memory and the channel where their pages say."""

    id = "irql-gather-dma"
    microsoft = "Irql_Gather_DMA_Function"


class IrqlTimer(Irql):
    """Timer objects are made, set and freed at DISPATCH_LEVEL or below."""

    id = "irql-timer"
    microsoft = "Irql_Timer_Function"


class IrqlMisc(Irql):
    """Helpers of all kinds are called where their pages say."""

    id = "irql-misc"
    microsoft = "Irql_Miscellaneous_Function"


class IrqlProtocol(Irql):
    """What a protocol or a client asks of NDIS is asked for where its page says."""

    id = "irql-protocol"
    microsoft = "Irql_Protocol_Driver_Function"


class IrqlConnection(Irql):
    """Circuits, and requests on them, are dealt with where their pages say."""

    id = "irql-connection"
    microsoft = "Irql_Connection_Function"


class IrqlCallManager(Irql):
    """What a call manager asks of NDIS is asked for where its page says."""

    id = "irql-callmanager"
    microsoft = "Irql_CallManager_Function"


class IrqlMco(Irql):
    """What a connection-oriented miniport tells NDIS is told at DISPATCH_LEVEL or below."""

    id = "irql-mco"
    microsoft = "Irql_MCO_Function"


class IrqlStatus(Irql):
    """A status is indicated at DISPATCH_LEVEL or below."""

    id = "irql-status"
    microsoft = "Irql_StatusIndication_Function"


class IrqlIrqlSetting(Irql):
    """IRQL is raised at DISPATCH_LEVEL or below, and lowered to the level that the last raise has returned."""

    id = "irql-irqlsetting"
    microsoft = "Irql_IrqlSetting_Function"

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._saved: dict[Cpu, list[int]] = {}

    @classmethod
    def interests(cls) -> Sequence[Interest]:
        """Return the family's routines, and those that save a level and restore it."""
        return [
            *super().interests(),
            ("raised", Moment.AFTER, ("NDIS_RAISE_IRQL_TO_DISPATCH",)),
            ("lowering", Moment.BEFORE, ("NDIS_LOWER_IRQL",)),
        ]

    def raised(self, call: Call) -> None:
        """Remember the level that the driver is to lower to."""
        if call.cpu is not None and call.error is None:
            self._saved.setdefault(call.cpu, []).append(call.result)

    def lowering(self, call: Call) -> None:
        """Compare the level with the one that was saved last."""
        saved = self._saved.get(call.cpu) if call.cpu is not None else None
        level, right = call.argument("level"), saved.pop() if saved else None
        if level != right:
            wanted = "raise before you lower" if right is None else f"the last raise has returned {irql_name(right)}"
            self.broken(f"NDIS_LOWER_IRQL was called with {irql_name(level)}; {wanted}")


class IrqlFlagTruth(Rule):
    """A flag that says DISPATCH_LEVEL is set by code that runs there."""

    id = "irql-flag-truth"
    models = Model.NDIS6 | Model.CIRCUITS
    source = "DDK: Dispatch IRQL Tracking"
    why = "Who is called believes it, and takes locks that leave the level as it is; a DPC then waits for its own processor."

    @before(*FLAGGED)
    def called(self, call: Call) -> None:
        """Compare the flag with the level."""
        if call.irql is not None and call.irql != DISPATCH and call.argument("flags", 0) & _AT_DISPATCH:
            self.broken(
                f"{call.name} was called at {irql_name(call.irql)} with the flag DISPATCH_LEVEL; leave the flag out",
                next(iter(call.items), None),
                call.who.name,
            )


class IrqlTable5x(Irql):
    """A 5.x routine is called at its IRQL, which for several is exactly DISPATCH_LEVEL if the driver is serialized."""

    id = "irql-table-5x"
    models = V5
    source = "NDIS reference 3.1 and 3.2"


class SpinFreeIrql5x(Irql):
    """A 5.x driver frees its spin locks at PASSIVE_LEVEL."""

    id = "spin-free-irql-5x"
    models = V5
    source = "DDK for NDIS 5.1: NdisFreeSpinLock"
    why = "Above it code can have interrupted the very code that uses the lock. NDIS 6 allows it at any level."
    advisory = True
    code = None


class IrqlEntry(Irql):
    """NDIS enters an entry point at its IRQL."""

    id = "irql-entry"
    of_ndis = True
    models = EVERY
    source = "NDIS reference 1.2, 1.4, 2.1 and 2.2"


class IrqlCallbackReturn(Rule):
    """An entry point returns at the IRQL at which it was entered."""

    id = "irql-callback-return"
    models = EVERY
    source = "DDK: Managing Hardware Priorities"
    why = (
        "NDIS goes on at the level it believes it has. Left too high, nothing that waits for a lower one ever runs on "
        "that CPU; left too low, a lock of NDIS is open to whoever interrupts."
    )
    code = Code(0xC8, "IRQL_UNEXPECTED_VALUE")

    @after(*routines("irql-entry"))
    def returned(self, call: Call) -> None:
        """Compare the levels of entry and return; a coroutine that has suspended has its level kept for it."""
        cpu = call.cpu
        if cpu is None or call.error is not None or cpu is not self.watch.kernel.current or cpu.irql == call.irql:
            return
        self.broken(
            f"{call.name} was entered at {irql_name(call.irql or 0)} and returned at {irql_name(cpu.irql)}; "
            "lower what you raise",
            by=call.who.name,
        )


RULES: Final[tuple[type[Rule], ...]] = (
    IrqlSendRcv, IrqlOid, IrqlNetBuffer, IrqlMiniport, IrqlInterrupt, IrqlGatherDma, IrqlTimer, IrqlMisc, IrqlProtocol,
    IrqlConnection, IrqlCallManager, IrqlMco, IrqlStatus, IrqlIrqlSetting, IrqlFlagTruth, IrqlTable5x, SpinFreeIrql5x, IrqlEntry,
    IrqlCallbackReturn,
)  # fmt: skip
