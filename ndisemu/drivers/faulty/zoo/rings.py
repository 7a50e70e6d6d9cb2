"""Rings whose ends are miscounted, and interrupts that are cleared when it is too late."""

from typing import Final

from ndisemu.drivers.i8254x.card import CAUSES
from ndisemu.drivers.ring import RingMiniport
from ndisemu.hw import registers as reg
from ndisemu.ndis import Status
from ndisemu.ndis.v5 import AdapterInfo

DESCRIPTOR: Final = 16
# More than any ring has.
ENDLESS: Final = 1 << 20
# How long its bus takes to clear a register.
SLOW: Final = 20_000


class TellsOneTooMany(RingMiniport):
    """Its tail is the descriptor behind the last free one, so a ring of free buffers looks like an empty one."""

    def receive(self) -> bool:
        finished = super().receive()
        count = self.registers.read(reg.RDLEN) // DESCRIPTOR
        self.registers.write(reg.RDT, (self.registers.read(reg.RDT) + 1) % count)
        return finished


class TellsWhatIsFree(RingMiniport):
    """One descriptor stays unused, so that full and empty are different."""


class OverwritesItsRing(RingMiniport):
    """It does not look whether the ring has room."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.tx._free = ENDLESS
        return status

    def check_for_hang(self) -> bool:
        return False


class WaitsForRoom(RingMiniport):
    """What finds no room waits for it."""

    def check_for_hang(self) -> bool:
        return False


class ClearsAtTheEnd(RingMiniport):
    """It clears what the card has to say when all is done, which its slow bus takes a while to do; so what has come meanwhile."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.slow_bus = self.ndis.initialize_timer(self.end, "slow bus")
        return super().initialize(adapter)

    async def halt(self) -> None:
        self.slow_bus.cancel()
        await super().halt()

    def isr(self) -> tuple[bool, bool]:
        self.registers.write(reg.IMC, reg.CAUSES)
        return True, True

    def handle_interrupt(self) -> None:
        self.tx.reap()
        self.receive()
        self.slow_bus.set(SLOW)

    def end(self) -> None:
        """Clear, and let the card interrupt again."""
        self.registers.read(reg.ICR)
        self.registers.write(reg.IMS, CAUSES)

    def check_for_hang(self) -> bool:
        return False


class ClearsAtTheBegin(ClearsAtTheEnd):
    """It clears first, and looks for what there is to do after that."""

    def handle_interrupt(self) -> None:
        self.registers.read(reg.ICR)
        self.tx.reap()
        self.receive()
        self.slow_bus.set(SLOW)

    def end(self) -> None:
        self.registers.write(reg.IMS, CAUSES)
