"""The interrupt itself: when it is registered, with what, and when it is given back."""

from typing import Final

from ndisemu.verifier.call import Call
from ndisemu.verifier.card import mask
from ndisemu.verifier.rule import ANY, EVERY, Code, Model, Refused, Rule, after, before

_REGISTER: Final = ("NdisMRegisterInterrupt", "NdisMRegisterInterruptEx")
_DEREGISTER: Final = ("NdisMDeregisterInterrupt", "NdisMDeregisterInterruptEx")
_SYNCHRONIZE: Final = ("NdisMSynchronizeWithInterrupt", "NdisMSynchronizeWithInterruptEx")
_INITIALIZE: Final = ("MiniportInitialize", "MiniportInitializeEx")


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


RULES: Final[tuple[type[Rule], ...]] = (
    IntDeregisterHalt,
    IntRegisterTwice,
    IntReadyBeforeRegister,
    IntRegisterAfterAttributes,
    IntHandlers,
    IntRegisterInInit,
    IntDeregisterInitFail,
    IntDoubleDeregister,
    IntDisableBeforeDeregister,
    IntSyncAfterDeregister,
)
