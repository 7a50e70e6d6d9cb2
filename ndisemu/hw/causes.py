"""Interrupt causes, mask and throttling: the only place where a card's interrupt comes from.

ICR holds the causes, IMS the mask; the line is asserted while an unmasked
cause is set. With ITR set, the line is not asserted again until the interval
since the last assertion has passed (13.4.17 to 13.4.21). A silenced card
keeps its causes to itself.
"""

from ndisemu.hw import registers as reg
from ndisemu.kernel import Alarm, InterruptLine, Kernel


class Causes:
    """ICR, IMS and ITR of one card, and its interrupt line.

    `open_at` is the first instant at which throttling admits an assertion.
    """

    __slots__ = ("_alarm", "_interval", "_kernel", "_line", "_name", "asserted", "assertions", "icr", "ims", "open_at",
                 "silent")  # fmt: skip

    def __init__(self, kernel: Kernel, name: str, line: InterruptLine) -> None:
        self._kernel = kernel
        self._name = name
        self._line = line
        self._alarm: Alarm = kernel.alarm(self.update)
        self._interval = 0
        self.icr = 0
        self.ims = 0
        self.open_at = 0
        self.silent = False
        self.asserted = False
        self.assertions = 0

    def set_interval(self, itr: int) -> None:
        """Take a new ITR, in units of 256 ns; 0 is no throttling."""
        self._interval = itr * reg.ITR_UNIT
        self.open_at = 0
        self.update()

    def raise_(self, causes: int) -> None:
        """Set causes; the line follows."""
        self.icr |= causes
        if causes & self.ims and not self.asserted:
            self.update()

    def read(self) -> int:
        """Return ICR and clear it."""
        value, self.icr = self.icr, 0
        self.update()
        return value

    def acknowledge(self, causes: int) -> None:
        """Clear the causes written to ICR."""
        self.icr &= ~causes
        self.update()

    def unmask(self, causes: int) -> None:
        """Write to IMS."""
        self.ims |= causes
        self.update()

    def mask(self, causes: int) -> None:
        """Write to IMC."""
        self.ims &= ~causes
        self.update()

    def silence(self) -> None:
        """Let go of the line until a reset, whatever the causes."""
        self.silent = True
        self.update()

    def reset(self) -> None:
        """Clear everything."""
        self.silent = False
        self.icr = self.ims = self._interval = self.open_at = 0
        self.update()

    def update(self) -> None:
        """Make the line follow causes and mask, as far as throttling admits."""
        if self.silent or not self.icr & self.ims:
            if self.asserted:
                self.asserted = False
                self._line.deassert(self._name)
        elif not self.asserted:
            now = self._kernel.now
            if now < self.open_at:
                self._alarm.set(self.open_at)
                return
            self.open_at = now + self._interval
            self.asserted = True
            self.assertions += 1
            self._line.assert_(self._name)
