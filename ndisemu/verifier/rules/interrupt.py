"""The rules of interrupts and DPCs."""

from typing import Final

from ndisemu.kernel import DISPATCH, irql_name
from ndisemu.verifier.call import Call
from ndisemu.verifier.card import mask
from ndisemu.verifier.rule import ANY, EVERY, Code, Model, Refused, Rule, after, before

_ISR: Final = ("MiniportISR", "MiniportInterrupt")
_REGISTER: Final = ("NdisMRegisterInterrupt", "NdisMRegisterInterruptEx")
_DEREGISTER: Final = ("NdisMDeregisterInterrupt", "NdisMDeregisterInterruptEx")
_SYNCHRONIZE: Final = ("NdisMSynchronizeWithInterrupt", "NdisMSynchronizeWithInterruptEx")
# What belongs into a DPC.
WORK: Final = (
    "NdisMSendComplete", "NdisMSendNetBufferListsComplete", "NdisMIndicateReceivePacket",
    "NdisMIndicateReceiveNetBufferLists", "NdisMEthIndicateReceive", "NdisMFreeSharedMemory",
)  # fmt: skip
_INITIALIZE: Final = ("MiniportInitialize", "MiniportInitializeEx")


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


class IntDeregisterHalt(Refused):
    """A halt deregisters the interrupt."""

    id = "int-deregister-halt"
    models = EVERY
    source = "DDK: MiniportHaltEx, NdisMDeregisterInterruptEx"
    why = "The next interrupt of a card on that line enters an ISR whose adapter is gone."
    code = Code(0x7C, "BUGCODE_NDIS_DRIVER", ("an interrupt is still registered",))


class IntRegisterTwice(Refused):
    """An adapter registers its interrupt once."""

    id = "int-register-twice"
    models = EVERY
    source = "ndisemu: the card has one line"
    why = "The ISR would be called twice for each interrupt, and one of the two registrations outlive the halt."


class IntReadyBeforeRegister(Refused):
    """The interrupt is registered last: whatever its ISR and DPC need is there before."""

    id = "int-ready-before-register"
    models = Model.NDIS6
    source = "DDK: NdisMRegisterInterruptEx; NDIS reference 1.4"
    why = "On a shared line the ISR can be entered before the registration returns."


class IntRegisterAfterAttributes(Refused):
    """An NDIS 6 miniport sets its general attributes before it registers its interrupt."""

    id = "int-register-after-attributes"
    models = Model.NDIS6
    source = "DDK: NdisMRegisterInterruptEx"
    why = "NDIS connects the ISR to an adapter that it has been told about; before that there is none."


class IntHandlers(Refused):
    """A miniport that registers an interrupt supplies MiniportInterrupt and MiniportInterruptDPC."""

    id = "int-handlers"
    models = Model.NDIS6
    source = "DDK: NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS"
    why = "The first interrupt would call what is not there, at DIRQL."


class IntRegisterInInit(Rule):
    """The interrupt is registered from MiniportInitialize(Ex)."""

    id = "int-register-in-init"
    models = ANY
    source = "DDK: NdisMRegisterInterrupt, NdisMRegisterInterruptEx"
    why = "The resources that the registration needs are only valid while NDIS starts the adapter."

    @before(*_REGISTER)
    def registering(self, call: Call) -> None:
        """Look whether the adapter is being initialized."""
        if not self.watch.initializing:
            state = self.watch.adapter.state.current.value
            self.broken(f"{call.name} was called in state {state}; register the interrupt in MiniportInitialize")


class IntDeregisterInitFail(Rule):
    """An initialization that fails deregisters the interrupt before it returns."""

    id = "int-deregister-init-fail"
    models = ANY
    source = "DDK: MiniportInitializeEx"
    why = "NDIS calls no halt for an adapter that never started, so nobody else does it."

    @after(*_INITIALIZE)
    def initialized(self, call: Call) -> None:
        """Look at the interrupt of one that has failed."""
        interrupt = self.watch.adapter.resources.interrupt
        failed = call.error is None and getattr(call.result, "name", "") not in ("SUCCESS", "PENDING")
        if failed and interrupt is not None and interrupt.connected:
            self.broken(f"{call.name} returned {call.result} with its interrupt registered; deregister it before")


class IntDoubleDeregister(Rule):
    """An interrupt is deregistered once."""

    id = "int-double-deregister"
    models = ANY
    source = "DDK: NdisMDeregisterInterruptEx"
    why = "The second call is made with a handle that NDIS has freed."

    @before(*_DEREGISTER)
    def deregistering(self, call: Call) -> None:
        """Look whether the handle is live."""
        interrupt = call.argument("interrupt")
        if not getattr(interrupt, "connected", True):
            self.broken(f"{call.name} was called for an interrupt that is deregistered already; call it once")


class IntDisableBeforeDeregister(Rule):
    """A card is told to raise no interrupts before its interrupt is deregistered."""

    id = "int-disable-before-deregister"
    models = ANY
    source = "DDK: NdisMDeregisterInterruptEx"
    why = "What the card still raises reaches nobody, and on a shared line it is a storm for all others."
    advisory = True

    @before(*_DEREGISTER)
    def deregistering(self, call: Call) -> None:
        """Look at the card's mask."""
        unmasked = mask(self.watch.adapter)
        if unmasked:
            self.broken(f"{call.name} was called while the card's mask is {unmasked:#x}; mask all causes before")


class IntSyncAfterDeregister(Rule):
    """NdisMSynchronizeWithInterrupt(Ex) is not called once the interrupt is deregistered."""

    id = "int-sync-after-deregister"
    models = ANY
    source = "DDK: NdisMSynchronizeWithInterruptEx"
    why = "It takes the lock of the interrupt object, which is gone."

    @before(*_SYNCHRONIZE)
    def synchronizing(self, call: Call) -> None:
        """Look whether there is an interrupt to synchronize with."""
        interrupt = self.watch.adapter.resources.interrupt
        if interrupt is None or not interrupt.connected:
            self.broken(f"{call.name} was called without a registered interrupt; call it before it is deregistered")


class IntIsrMinimal(Rule):
    """An ISR leaves the work to its DPC: it completes and indicates nothing, and frees nothing."""

    id = "int-isr-minimal"
    models = ANY
    source = "DDK: MiniportInterrupt"
    why = "At DIRQL everything below waits, and whatever NDIS would call from there runs at a level it is not written for."

    @before(*WORK)
    def working(self, call: Call) -> None:
        """Look whether an ISR is under way, at its level."""
        if call.irql is not None and call.irql > DISPATCH and self.watch.inside(*_ISR):
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

    @after(*_ISR)
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
    IntIsrAck, IntIsrClaim, IntDpcTime, IntDpcHandle, IntDeregisterHalt, IntRegisterTwice, IntReadyBeforeRegister,
    IntRegisterInInit, IntDeregisterInitFail, IntDoubleDeregister, IntDisableBeforeDeregister, IntSyncAfterDeregister,
    IntIsrMinimal, IntRegisterAfterAttributes, IntHandlers, IntSyncFnSubset, IntIsrIrql, IntDpcTarget620,
)  # fmt: skip
