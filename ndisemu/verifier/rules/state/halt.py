"""The end: halts, shutdowns, and what is left running after them."""

from typing import Final

from ndisemu.verifier.call import Call
from ndisemu.verifier.card import engines, mask
from ndisemu.verifier.rule import ANY, EVERY, Code, Refused, Rule, after, before, ended

_FREES: Final = (
    "NdisMDeregisterInterrupt", "NdisMDeregisterInterruptEx", "NdisFreePacketPool",
    "NdisFreeBufferPool", "NdisFreeNetBufferListPool", "NdisMDeregisterScatterGatherDma",
)  # fmt: skip
_SHUTDOWN: Final = ("MiniportShutdown", "MiniportShutdownEx")


class StAfterHalt(Refused):
    """A driver makes no call before its adapter initializes, or after it has halted."""

    id = "st-after-halt"
    models = EVERY
    source = "DDK: MiniportHaltEx"
    why = "The handle is gone."


class StHaltQuiet(Refused):
    """Nothing of a driver runs when its halt has returned: no coroutine, no callback."""

    id = "st-halt-quiet"
    models = EVERY
    source = "DDK: MiniportHaltEx"
    why = "On Windows its code may be unloaded the next moment."


class StWatchdogHalt(Refused):
    """A halt returns within a minute."""

    id = "st-watchdog-halt"
    models = EVERY
    source = "DDK: NDIS watchdogs (bug check 0x15E)"
    why = "The machine cannot go to sleep, and the device cannot be removed, until it does."
    code = Code(0x15E, "BUGCODE_NDIS_DRIVER_LIVE_DUMP", ("0x25: a halt has timed out",))


class StShutdownNoFree(Rule):
    """A shutdown handler frees no pool and deregisters nothing."""

    id = "st-shutdown-no-free"
    models = ANY
    source = "DDK: MiniportShutdownEx"
    why = "It may run in a crash, at any level, while whoever owns the memory stands in the middle of using it."

    @before(*_FREES)
    def freeing(self, call: Call) -> None:
        """Look whether the shutdown handler is under way."""
        if self.watch.shutting_down:
            self.broken(f"{call.name} was called from the shutdown handler; it quiesces the card and frees nothing")


class StShutdownQuiesce(Rule):
    """A card does no DMA and raises no interrupt when its shutdown handler has returned."""

    id = "st-shutdown-quiesce"
    models = ANY
    source = "DDK: MiniportShutdownEx"
    why = "The next system that starts, or the one that writes the crash dump, finds its memory overwritten."

    @after(*_SHUTDOWN)
    def shut_down(self, call: Call) -> None:
        """Look at the card: its engines and its mask."""
        adapter = self.watch.adapter
        active = [f"its {engine.name} on" for engine in engines(adapter)]
        if mask(adapter):
            active.append("its interrupts unmasked")
        if active and call.error is None:
            self.broken(f"{call.name} returned with {' and '.join(active)}; mask and reset the card")


class StHaltStopHw(Rule):
    """A halt stops the card before it returns."""

    id = "st-halt-stop-hw"
    models = ANY
    source = "DDK: MiniportHaltEx"
    why = "A card that goes on receiving writes into memory that belongs to others by now."

    @ended("MiniportHalt", "MiniportHaltEx")
    def halted(self, call: Call) -> None:
        """Look at the card's engines."""
        active = " and ".join(engine.name for engine in engines(self.watch.adapter))
        if active and call.error is None:
            self.broken(f"{call.name} returned with the card's {active} on; reset the card first")


RULES: Final[tuple[type[Rule], ...]] = (
    StAfterHalt,
    StHaltQuiet,
    StWatchdogHalt,
    StShutdownNoFree,
    StShutdownQuiesce,
    StHaltStopHw,
)
