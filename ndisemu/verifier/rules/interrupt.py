"""The rules of interrupts and DPCs."""

from typing import Final

from ndisemu.kernel import DISPATCH
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, Code, Model, Refused, Rule, after, before

_ISR: Final = ("MiniportISR", "MiniportInterrupt")
_REGISTER: Final = ("NdisMRegisterInterrupt", "NdisMRegisterInterruptEx")
_DEREGISTER: Final = ("NdisMDeregisterInterrupt", "NdisMDeregisterInterruptEx")
_INITIALIZE: Final = ("MiniportInitialize", "MiniportInitializeEx")
# What may be called at DIRQL besides register access, which is not watched.
_ANY_LEVEL: Final = ("NdisMQueueDpc", "NdisMSynchronizeWithInterrupt", "NdisMSynchronizeWithInterruptEx")


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


class IntRegisterInInit(Rule):
    """The interrupt is registered from MiniportInitialize(Ex)."""

    id = "int-register-in-init"
    models = ANY
    source = "DDK: NdisMRegisterInterrupt, NdisMRegisterInterruptEx"
    why = "The resources that the registration needs are only valid while NDIS starts the adapter."

    @before(*_REGISTER)
    def registering(self, call: Call) -> None:
        """Look whether the adapter is being initialized."""
        state = self.watch.adapter.state.current.value
        if not state.startswith("Initializing"):
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
        if self.watch.adapter.removed:
            return
        causes = getattr(self.watch.adapter.device.registers, "causes", None)
        if causes is not None and causes.ims:
            self.broken(f"{call.name} was called while the card's mask is {causes.ims:#x}; mask all causes before")


class IntSyncAfterDeregister(Rule):
    """NdisMSynchronizeWithInterrupt(Ex) is not called once the interrupt is deregistered."""

    id = "int-sync-after-deregister"
    models = ANY
    source = "DDK: NdisMSynchronizeWithInterruptEx"
    why = "It takes the lock of the interrupt object, which is gone."

    @before("NdisMSynchronizeWithInterrupt", "NdisMSynchronizeWithInterruptEx")
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

    @before(
        "NdisMSendComplete", "NdisMSendNetBufferListsComplete", "NdisMIndicateReceivePacket",
        "NdisMIndicateReceiveNetBufferLists", "NdisMEthIndicateReceive", "NdisMFreeSharedMemory",
    )  # fmt: skip
    def working(self, call: Call) -> None:
        """Look whether an ISR is under way, at its level."""
        if call.irql is not None and call.irql > DISPATCH and self.watch.inside(*_ISR):
            self.broken(f"{call.name} was called from the ISR; acknowledge, ask for the DPC, and do it there")


class IntIsrIrql(Rule):
    """An ISR returns at the level at which it was entered."""

    id = "int-isr-irql"
    models = ANY
    source = "DDK: MiniportInterrupt"
    why = "The interrupt controller holds back what is at or below that level, and is told of its end by the return."

    @after(*_ISR)
    def returned(self, call: Call) -> None:
        """Compare the levels."""
        cpu = call.cpu
        if cpu is not None and call.error is None and cpu.irql != call.irql:
            self.broken(
                f"{call.name} was entered at DIRQL {call.irql} and returned at IRQL {cpu.irql}; leave the level alone"
            )


RULES: Final[tuple[type[Rule], ...]] = (
    IntIsrAck, IntIsrClaim, IntDpcTime, IntDpcHandle, IntDeregisterHalt, IntRegisterTwice, IntReadyBeforeRegister,
    IntRegisterInInit, IntDeregisterInitFail, IntDoubleDeregister, IntDisableBeforeDeregister, IntSyncAfterDeregister,
    IntIsrMinimal, IntIsrIrql,
)  # fmt: skip
