"""Drivers that do not end as they should, each beside its mended twin: halts, shutdowns, and what is left after them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import RuleViolation
from ndisemu.hw import registers as reg
from ndisemu.ndis import DeviceEvent, Packet, Signal


class StaysBehind(RingMiniport):
    """Something that it has started waits for ever, and outlives its halt."""

    async def send_packets(self, packets: object) -> None:
        await super().send_packets(packets)  # type: ignore[arg-type]
        await Signal()


class LeavesNothingBehind(RingMiniport):
    """What it starts it ends."""

    async def send_packets(self, packets: object) -> None:
        await super().send_packets(packets)  # type: ignore[arg-type]
        done = Signal()
        done.set()
        await done


class FreesInItsShutdown(RingMiniport):
    """The shutdown handler does what the halt does."""

    def shutdown(self) -> None:
        super().shutdown()
        self.ndis.deregister_interrupt(self.interrupt)


class QuiescesInItsShutdown(RingMiniport):
    """The shutdown handler stops the card, and that is all."""

    def shutdown(self) -> None:
        super().shutdown()


class LeavesTheCardOn(RingMiniport):
    """The shutdown handler is empty: the machine is switched off anyway."""

    def shutdown(self) -> None:
        """Do nothing."""


class HaltsWithTheCardOn(RingMiniport):
    """The halt takes everything away from a card that goes on receiving."""

    async def halt(self) -> None:
        await super().halt()
        self.registers.write(reg.RCTL, reg.RCTL_EN)


class HaltsWithTheCardOff(RingMiniport):
    """The card is stopped first, and stays so."""

    async def halt(self) -> None:
        await super().halt()


class HaltsForEver(RingMiniport):
    """It waits for an interrupt that it has masked before."""

    async def halt(self) -> None:
        self.card.silence()
        await Signal()


class HaltsInTime(RingMiniport):
    """It waits for nothing that cannot come any more."""

    async def halt(self) -> None:
        await super().halt()


class WaitsForItsCard(RingMiniport):
    """It is told that its card is gone, and waits for the card to say so."""

    async def pnp_event_notify(self, event: DeviceEvent) -> None:
        await Signal()


class KnowsThatItIsGone(RingMiniport):
    """It completes what it has, and waits for nothing."""

    async def pnp_event_notify(self, event: DeviceEvent) -> None:
        await super().pnp_event_notify(event)


class OneWorkerForBoth(RingMiniport):
    """The ports of a card have one worker, which is queued with the handle of the first; that may have halted."""

    first: RingMiniport

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        with suppress(RuleViolation):
            self.first.ndis.schedule_work_item(self.look)
        await super().send_packets(packets)

    def look(self) -> None:
        """Look whether the other port needs something."""


class AWorkerForEach(OneWorkerForBoth):
    """Each port uses its own handle."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.first = self
        await super().send_packets(packets)


PAIRS: Final = (
    Pair("st-after-halt", OneWorkerForBoth, AWorkerForEach, "port that has halted"),
    Pair("st-watchdog-halt", HaltsForEver, HaltsInTime),
    Pair("st-entry-returns", WaitsForItsCard, KnowsThatItIsGone, "removal"),
    Pair("st-halt-quiet", StaysBehind, LeavesNothingBehind),
    Pair("st-shutdown-no-free", FreesInItsShutdown, QuiescesInItsShutdown, "shutdown"),
    Pair("st-shutdown-quiesce", LeavesTheCardOn, QuiescesInItsShutdown, "shutdown"),
    Pair("st-halt-stop-hw", HaltsWithTheCardOn, HaltsWithTheCardOff),
)
