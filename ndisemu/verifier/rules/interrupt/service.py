"""Service routines and DPCs: what they claim, acknowledge, do and leave."""

from typing import Final

from ndisemu.kernel import DISPATCH, beginning, irql_name
from ndisemu.verifier.call import Call
from ndisemu.verifier.card import arrived, causes, mask
from ndisemu.verifier.rule import ANY, EVERY, Code, Model, Refused, Rule, after, before
from ndisemu.verifier.watch import Watch

SERVICE: Final = ("MiniportISR", "MiniportInterrupt")
_SYNCHRONIZE: Final = ("NdisMSynchronizeWithInterrupt", "NdisMSynchronizeWithInterruptEx")
# What belongs into a DPC.
WORK: Final = (
    "NdisMSendComplete", "NdisMSendNetBufferListsComplete", "NdisMIndicateReceivePacket",
    "NdisMIndicateReceiveNetBufferLists", "NdisMEthIndicateReceive", "NdisMFreeSharedMemory",
)  # fmt: skip


class IntIsrAck(Refused):
    """An ISR dismisses or masks its card's interrupt before it returns."""

    id = "int-isr-ack"
    models = EVERY
    source = "DDK: MiniportInterrupt; NDIS reference 5.9"
    why = "A level stays asserted until somebody acknowledges it; the processor would do nothing else any more."


class IntIsrClaim(Refused):
    """An ISR claims what its card has raised and nothing else, and asks for a DPC for what it claims."""

    id = "int-isr-claim"
    models = EVERY
    source = "DDK: MiniportISR, MiniportInterrupt"
    why = "On a shared line a foreign interrupt that is claimed never reaches the driver that could silence it."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._arrived = self._raised = self._waiting = 0
        self._said: set[bool] = set()

    @before(*SERVICE)
    def entered(self, call: Call) -> None:
        """Remember what there is to be claimed."""
        adapter = self.watch.adapter
        self._raised, self._arrived = causes(adapter), arrived(adapter)
        self._waiting = self._raised & mask(adapter)

    @after(*SERVICE)
    def returned(self, call: Call) -> None:
        """Compare that with the answer; of each kind once, as an interrupt comes as often as it can."""
        adapter = self.watch.adapter
        answer = call.result
        if not isinstance(answer, tuple) or not answer or bool(answer[0]) in self._said:
            return
        if not answer[0] and self._waiting and not causes(adapter) & mask(adapter):
            self._said.add(False)
            self.broken(
                f"{call.name} of {adapter.name} has taken or masked the causes {self._waiting:#x} of its card, and answered "
                "that the interrupt was another's; claim what the own card has raised",
                stack=self._isr(),
            )
        elif answer[0] and not self._raised and arrived(adapter) == self._arrived and not adapter.removed:
            self._said.add(True)
            self.broken(
                f"{call.name} of {adapter.name} claimed an interrupt while its card had raised no cause; answer that it "
                "was another's, so that the next routine on the line is called",
                stack=self._isr(),
            )

    def _isr(self) -> tuple[str, ...]:
        """Where the driver's ISR is: what lies below this on the stack it has interrupted."""
        miniport = type(self.watch.adapter.miniport)
        return beginning(getattr(miniport, "isr", None) or getattr(miniport, "interrupt", None))


class IntDpcTime(Refused):
    """A DPC leaves its processor within 100 milliseconds, and comes back for more."""

    id = "int-dpc-time"
    models = EVERY
    source = "DDK: Guidelines for Writing DPC Routines; bug check 0x133"
    why = "Nothing at DISPATCH_LEVEL or below runs meanwhile: no other DPC, no thread, no timer."
    code = Code(0x133, "DPC_WATCHDOG_VIOLATION", ("0: one DPC has taken too long",))


class IntDpcHandle(Refused):
    """NdisMQueueDpc names processors that the host has."""

    id = "int-dpc-handle"
    models = Model.NDIS6
    source = "DDK: NdisMQueueDpc"
    why = "There is no queue that the DPC could wait in."


class IntIsrMinimal(Rule):
    """An ISR leaves the work to its DPC: it completes and indicates nothing, and frees nothing."""

    id = "int-isr-minimal"
    models = ANY
    source = "DDK: MiniportInterrupt"
    why = "At DIRQL everything below waits, and whatever NDIS would call from there runs at a level it is not written for."

    @before(*WORK)
    def working(self, call: Call) -> None:
        """Look whether an ISR is under way, at its level."""
        if call.irql is not None and call.irql > DISPATCH and self.watch.inside(*SERVICE):
            self.broken(f"{call.name} was called from the ISR; acknowledge, ask for the DPC, and do it there")


class IntSyncFnSubset(Rule):
    """What NdisMSynchronizeWithInterrupt(Ex) runs does what an ISR may do, and nothing else."""

    id = "int-sync-fn-subset"
    models = ANY
    source = "DDK: MiniportSynchronizeInterrupt"
    why = "It runs at DIRQL in the place of the ISR, so NDIS can be called from there no more than from an ISR."

    @before(*WORK)
    def working(self, call: Call) -> None:
        """Look whether such a routine is under way, at its level."""
        if call.irql is not None and call.irql > DISPATCH and self.watch.inside(*_SYNCHRONIZE):
            self.broken(f"{call.name} was called from MiniportSynchronizeInterrupt; do it after that has returned")


class IntIsrIrql(Rule):
    """An ISR leaves its IRQL as it is."""

    id = "int-isr-irql"
    models = ANY
    source = "Driver Verifier 0xC4/0x111; DDK: MiniportInterrupt"
    why = "The interrupt controller holds back what is at or below that level, and is told of its end by the return."
    code = Code(0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION", ("0x111: the IRQL of an ISR has changed",))

    @after(*SERVICE)
    def returned(self, call: Call) -> None:
        """Compare the levels."""
        cpu = call.cpu
        if cpu is not None and call.error is None and cpu.irql != call.irql:
            self.broken(
                f"{call.name} was entered at {irql_name(call.irql or 0)} and returned at {irql_name(cpu.irql)}; "
                "leave the level alone"
            )


class IntDpcTarget620(Rule):
    """An ISR of NDIS 6.20 or later asks for its default DPC, and for others by NdisMQueueDpc."""

    id = "int-dpc-target-620"
    models = Model.NDIS6
    source = "DDK: MiniportInterrupt (TargetProcessors)"
    why = "The mask knows 32 processors. On a machine with more, some can never be asked for."
    advisory = True

    @after("MiniportInterrupt")
    def returned(self, call: Call) -> None:
        """Look at the mask."""
        match call.result:
            case (_, _, int(targets)) if targets:
                self.broken(
                    f"MiniportInterrupt returned the processors {targets:#b} for its DPC; return 0 and call "
                    "NdisMQueueDpc for those"
                )


RULES: Final[tuple[type[Rule], ...]] = (
    IntIsrAck,
    IntIsrClaim,
    IntDpcTime,
    IntDpcHandle,
    IntIsrMinimal,
    IntSyncFnSubset,
    IntIsrIrql,
    IntDpcTarget620,
)
