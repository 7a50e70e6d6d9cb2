"""The card as a whole: how it is started and stopped, its link, its address.

Starting gives a card that was just reset everything it has lost: rings,
filters, throttling, link, mask. Stopping masks and resets it, which ends its
DMA, and takes both rings back. So a start may follow any stop, after reset
and sleep alike. A card that was pulled out reads as ones everywhere.

Source: 8254x manual 13.4.1 (CTRL.RST), 14.3 to 14.5 (initialization).
"""

from collections.abc import Sequence
from typing import Any, Final

from ndisemu.drivers.i8254x.information import Information
from ndisemu.drivers.i8254x.receive import RxRing
from ndisemu.drivers.i8254x.transmit import Burst, TxRing
from ndisemu.hw import registers as reg
from ndisemu.ndis import RegisterSpace, Status

CAUSES: Final = reg.TXDW | reg.LSC | reg.RXDMT0 | reg.RXO | reg.RXT0
# What every register of a card that is gone reads as.
GONE: Final = 0xFFFFFFFF


class Card:
    """One card with its rings; `started` says whether it runs, `link_up` what was last known of its link.

    `control` is CTRL as it is from the next start on.
    """

    def __init__(
        self,
        registers: RegisterSpace,
        tx: TxRing[Any],
        rx: RxRing[Any],
        information: Information,
        itr: int,
    ) -> None:
        self._registers = registers
        self._tx = tx
        self._rx = rx
        self._information = information
        self._throttle = itr // reg.ITR_UNIT
        self.control = reg.CTRL_FD | reg.CTRL_SLU
        self.started = False
        self.link_up = True

    def start(self) -> None:
        """Give a card that was reset its rings, filters and link, and unmask it."""
        self.started = True
        self._tx.start()
        self._rx.start()
        self._rx.set_filter(self._information.filter, self._information.multicast)
        self._registers.write(reg.ITR, self._throttle)
        self._registers.write(reg.CTRL, self.control)
        self._registers.write(reg.IMS, CAUSES)

    def claim(self) -> int:
        """For an ISR: acknowledge by reading, and mask; returns the causes, or 0 where the interrupt is another's."""
        causes = self._registers.read(reg.ICR)
        if not causes & CAUSES or causes == GONE:
            return 0
        self._registers.write(reg.IMC, reg.CAUSES)
        return causes

    def throttle(self, itr: int) -> None:
        """Keep interrupts `itr` ns apart from now on."""
        self._throttle = itr // reg.ITR_UNIT
        self._registers.write(reg.ITR, self._throttle)

    def silence(self) -> None:
        """Let it neither interrupt nor touch memory."""
        self.started = False
        self._registers.write(reg.IMC, reg.CAUSES)
        self._registers.write(reg.CTRL, reg.CTRL_RST)

    def stop(self, status: Status) -> Sequence[Burst[Any]]:
        """Silence it, and end with `status` what it has not sent; returns what the transmit ring had."""
        self.silence()
        self._rx.stop()
        return self._tx.stop(status)

    @property
    def gone(self) -> bool:
        """Whether it was pulled out."""
        return self._registers.read(reg.STATUS) == GONE

    def link_has_changed(self) -> bool:
        """Look at the link; returns whether it is another than was last known."""
        status = self._registers.read(reg.STATUS)
        up = bool(status & reg.STATUS_LU)
        if status == GONE or up is self.link_up:
            return False
        self.link_up = up
        return True


def station_address(registers: RegisterSpace) -> bytes:
    """Return the address that the card loaded from its EEPROM at reset, from RAL0 and RAH0."""
    low, high = registers.read(reg.RAL0), registers.read(reg.RAH0)
    return (low | (high & 0xFFFF) << 32).to_bytes(6, "little")
