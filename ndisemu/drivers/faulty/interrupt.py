"""Drivers that break a rule of interrupts and DPCs, each beside its mended twin."""

from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.i8254x.card import CAUSES
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import RuleViolation
from ndisemu.hw import registers as reg
from ndisemu.ndis import DISPATCH, Status, v6
from ndisemu.ndis.v5 import AdapterInfo


class NeverAcknowledges(RingMiniport):
    """The ISR claims, and leaves the card's causes as they are."""

    def isr(self) -> tuple[bool, bool]:
        return True, True


class Acknowledges(RingMiniport):
    """Reading ICR acknowledges; the mask keeps the rest quiet until the DPC has run."""

    def isr(self) -> tuple[bool, bool]:
        return super().isr()


class QueuesWithoutClaiming(RingMiniport):
    """The DPC is asked for, and the interrupt is called another's."""

    def isr(self) -> tuple[bool, bool]:
        ours, queue = super().isr()
        return False, queue or ours


class QueuesWhatItClaims(RingMiniport):
    """Both or neither."""

    def isr(self) -> tuple[bool, bool]:
        ours, _ = super().isr()
        return ours, ours


class StaysMaskedAfterTheLink(RingMiniport):
    """Where the link has changed it looks at nothing else, and forgets that its ISR has masked the card."""

    def handle_interrupt(self) -> None:
        if self.pending_causes & reg.LSC:
            self.pending_causes = 0
            self.follow_link()
            return
        super().handle_interrupt()


class UnmasksAfterTheLink(RingMiniport):
    """Where the link has changed it looks at nothing else, and lets the card interrupt again."""

    def handle_interrupt(self) -> None:
        if self.pending_causes & reg.LSC:
            self.pending_causes = 0
            self.follow_link()
            self.registers.write(reg.IMS, CAUSES)
            return
        super().handle_interrupt()


class PollsInItsDpc(RingMiniport):
    """It polls the card until the next frame is there, in the DPC."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        while not self.registers.read(reg.STATUS) & 1 << 31:
            pass


class LooksOnceInItsDpc(RingMiniport):
    """It looks, and the next interrupt brings it back."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.registers.read(reg.STATUS)


class QueuesOnNoProcessor(Ring6Miniport):
    """It asks for DPCs on eight processors, as its own machine has."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        super().interrupt_dpc(context, throttle)
        with suppress(RuleViolation):
            self.ndis.queue_dpc(self.line, 1 << 7)


class QueuesOnItsProcessor(Ring6Miniport):
    """The first one is always there."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        super().interrupt_dpc(context, throttle)
        if context is None:
            self.ndis.queue_dpc(self.line, 1, "once more")


class KeepsItsInterrupt(RingMiniport):
    """The halt gives everything back, and forgets the first thing that must go."""

    async def halt(self) -> None:
        self.card.silence()
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()


class GivesItsInterruptBack(RingMiniport):
    """The interrupt goes before what its ISR needs."""

    async def halt(self) -> None:
        await super().halt()


class RegistersTwice(RingMiniport):
    """It registers its interrupt for each half of the card."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        with suppress(RuleViolation):
            self.ndis.register_interrupt()
        return status


class RegistersOnce(RingMiniport):
    """One line, one interrupt; the ISR finds out for which half it was."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        return super().initialize(adapter)


class MapsAfterItsInterrupt(Ring6Miniport):
    """What the ISR reads is mapped when the ISR can be called already."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        status = super().initialize(parameters)
        with suppress(RuleViolation):
            self.registers = self.ndis.map_io_space()
        return status


class MapsBeforeItsInterrupt(Ring6Miniport):
    """The interrupt is the last thing to be asked for."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        return super().initialize(parameters)


class RegistersAnewInItsReset(RingMiniport):
    """A reset begins everything anew, its interrupt, too."""

    async def reset(self) -> Status:
        self.ndis.deregister_interrupt(self.interrupt)
        status = await super().reset()
        self.interrupt = self.ndis.register_interrupt()
        return status


class KeepsItsInterruptInItsReset(RingMiniport):
    """A masked card raises no interrupt; its registration stays."""

    async def reset(self) -> Status:
        return await super().reset()


class FailsWithItsInterrupt(RingMiniport):
    """The last step fails, and the way out gives the memory back, and no more."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        super().initialize(adapter)
        self.card.silence()
        self.tx.free()
        self.rx.free()
        return Status.FAILURE


class FailsWithoutItsInterrupt(RingMiniport):
    """The way out is the way in, backwards; then it can even try again."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        super().initialize(adapter)
        self.card.silence()
        self.ndis.deregister_interrupt(self.interrupt)
        self.tx.free()
        self.rx.free()
        return super().initialize(adapter)


class DeregistersTwice(RingMiniport):
    """The clean-up is called by the halt, and once more by itself."""

    async def halt(self) -> None:
        await super().halt()
        self.ndis.deregister_interrupt(self.interrupt)


class DeregistersOnce(RingMiniport):
    """What is given back is forgotten."""

    async def halt(self) -> None:
        await super().halt()


class DeregistersUnmasked(RingMiniport):
    """The interrupt goes first, and the card is told afterwards."""

    async def halt(self) -> None:
        self.ndis.deregister_interrupt(self.interrupt)
        self.card.silence()
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()


class DeregistersMasked(RingMiniport):
    """The card is told first."""

    async def halt(self) -> None:
        self.card.silence()
        self.ndis.deregister_interrupt(self.interrupt)
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()


class SynchronizesTooLate(RingMiniport):
    """The halt reads its last statistics with the interrupt that it has just given back."""

    async def halt(self) -> None:
        await super().halt()
        self.ndis.synchronize_with_interrupt(lambda: True)


class SynchronizesInTime(RingMiniport):
    """It reads them before."""

    async def halt(self) -> None:
        self.ndis.synchronize_with_interrupt(lambda: True)
        await super().halt()


class WorksInItsIsr(RingMiniport):
    """It indicates what has come from the ISR, as that is where it is noticed."""

    def isr(self) -> tuple[bool, bool]:
        self.ndis.indicate_receive([])
        return super().isr()


class WorksInItsDpc(RingMiniport):
    """The DPC is for that."""

    def handle_interrupt(self) -> None:
        self.ndis.indicate_receive([])
        super().handle_interrupt()


class RegistersBeforeItsAttributes(Ring6Miniport):
    """The interrupt is registered when NDIS does not know yet what the adapter is."""

    def describe(self, mtu: int) -> None:
        with suppress(RuleViolation):
            self.ndis.register_interrupt()
        super().describe(mtu)


class RegistersAfterItsAttributes(Ring6Miniport):
    """It describes itself first."""

    def describe(self, mtu: int) -> None:
        super().describe(mtu)


class HasNoDpc(Ring6Miniport):
    """It does all of its work in the ISR, and supplies no MiniportInterruptDPC."""

    interrupt_dpc = v6.Miniport.interrupt_dpc


class HasADpc(Ring6Miniport):
    """It supplies both."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        super().interrupt_dpc(context, throttle)


class WorksInItsSynchronizedRoutine(RingMiniport):
    """It completes in the routine that keeps the ISR out."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.ndis.synchronize_with_interrupt(self.finish)

    def finish(self) -> bool:
        self.ndis.send_complete([], Status.SUCCESS)
        return True


class WorksAfterItsSynchronizedRoutine(RingMiniport):
    """It takes out there what it works on afterwards."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        if self.ndis.synchronize_with_interrupt(lambda: True):
            self.ndis.send_complete([], Status.SUCCESS)


class LowersInItsIsr(RingMiniport):
    """It lowers to DISPATCH_LEVEL, so that it may do more."""

    def isr(self) -> tuple[bool, bool]:
        answer = super().isr()
        self.ndis.lower_irql(DISPATCH)
        return answer


class KeepsItsLevel(RingMiniport):
    """What needs DISPATCH_LEVEL is for the DPC."""

    def isr(self) -> tuple[bool, bool]:
        return super().isr()


class AsksByMask(Ring6Miniport):
    """It asks for the DPC of the first processor by the mask of old."""

    def interrupt(self) -> tuple[bool, bool, int]:
        ours, _, _ = super().interrupt()
        return ours, False, int(ours)


class AsksForItsDefault(Ring6Miniport):
    """The default DPC is on the right processor by itself."""

    def interrupt(self) -> tuple[bool, bool, int]:
        ours, _, _ = super().interrupt()
        return ours, ours, 0


PAIRS: Final = (
    Pair("int-isr-ack", NeverAcknowledges, Acknowledges),
    Pair("int-isr-claim", QueuesWithoutClaiming, QueuesWhatItClaims),
    Pair("int-dpc-reenable", StaysMaskedAfterTheLink, UnmasksAfterTheLink, implies=("st-hang-reset",)),
    Pair("int-dpc-time", PollsInItsDpc, LooksOnceInItsDpc),
    Pair("int-dpc-handle", QueuesOnNoProcessor, QueuesOnItsProcessor),
    Pair("int-deregister-halt", KeepsItsInterrupt, GivesItsInterruptBack),
    Pair("int-register-twice", RegistersTwice, RegistersOnce),
    Pair("int-ready-before-register", MapsAfterItsInterrupt, MapsBeforeItsInterrupt),
    Pair(
        "int-register-in-init",
        RegistersAnewInItsReset,
        KeepsItsInterruptInItsReset,
        implies=("int-disable-before-deregister", "irql-table-5x"),
    ),
    Pair(
        "int-deregister-init-fail",
        FailsWithItsInterrupt,
        FailsWithoutItsInterrupt,
        "failed start",
        implies=("st-init-status",),
    ),
    Pair("int-double-deregister", DeregistersTwice, DeregistersOnce),
    Pair("int-disable-before-deregister", DeregistersUnmasked, DeregistersMasked),
    Pair("int-sync-after-deregister", SynchronizesTooLate, SynchronizesInTime),
    Pair("int-isr-minimal", WorksInItsIsr, WorksInItsDpc, implies=("irql-table-5x",)),
    Pair("int-register-after-attributes", RegistersBeforeItsAttributes, RegistersAfterItsAttributes),
    Pair("int-handlers", HasNoDpc, HasADpc, "failed start"),
    Pair(
        "int-sync-fn-subset",
        WorksInItsSynchronizedRoutine,
        WorksAfterItsSynchronizedRoutine,
        implies=("irql-table-5x",),
    ),
    Pair("int-isr-irql", LowersInItsIsr, KeepsItsLevel, implies=("irql-callback-return",)),
    Pair("int-dpc-target-620", AsksByMask, AsksForItsDefault),
)
