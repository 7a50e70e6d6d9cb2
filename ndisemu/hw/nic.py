"""The virtual Intel 82540EM: registers in front, engines behind.

`mmio_read` and `mmio_write` are the whole interface to software, next to the
descriptor rings in shared memory and the interrupt line; what they do to each
register is in `registerfile`. `run` is the card's one long-lived coroutine:
it waits for doorbells and arrivals and drives both engines, burst by burst.
Nothing here knows of NDIS.

A driver that points the card at memory it may not touch does not get the
data: the engine stops, as after a master abort, until the card is reset, and
the violation is reported. Trouble also comes from outside: a card can hang,
until it is reset, and can be removed, for good.
"""

import types
from collections.abc import Callable, Generator, Sequence
from functools import partial

from ndisemu.hw import registers as reg
from ndisemu.hw.causes import Causes
from ndisemu.hw.receive import Receiver
from ndisemu.hw.registerfile import RegisterFile
from ndisemu.hw.statistics import Statistics
from ndisemu.hw.transmit import Transmitter
from ndisemu.kernel import InterruptLine, Kernel
from ndisemu.link import CableEnd
from ndisemu.memory import DESCRIPTOR, DmaSpace, DmaViolation

_STATISTICS = range(0x4000, 0x4100, 4)
_ALL_ONES = 0xFFFFFFFF


class Nic:
    """One card.

    `settlers` is the list of its host's CPUs: what must be brought up to now
    before their code runs. `mac` is its permanent address, in RAL0/RAH0.
    `stopped` tells of a master abort, `hung` that only a reset helps, and
    `removed` that nothing does.
    """

    def __init__(
        self,
        kernel: Kernel,
        name: str,
        mac: bytes,
        *,
        dma: DmaSpace,
        line: InterruptLine,
        settlers: list[Callable[[], None]],
    ) -> None:
        self.kernel = kernel
        self.name = name
        self.mac = mac
        self.statistics = Statistics()
        self.causes = Causes(kernel, name, line)
        self.tx = Transmitter(kernel, dma, self.causes, self.statistics, self.wake)
        self.rx = Receiver(kernel, dma, self.causes, self.statistics, settlers, self._arrived, self._stop)
        self.stopped = ""
        self.hung = False
        self.removed = False
        self._end: CableEnd | None = None
        self._carrier = False
        self._wakes_at: int | None = None
        self._rings_at = 0
        self._resets = 0
        self.registers = RegisterFile(self)
        self._readers, self._writers, self._words = self.registers.readers, self.registers.writers, self.registers.words
        self.power_off()
        self._engine = self.run()
        self._engine.send(None)

    def __repr__(self) -> str:
        link = "removed" if self.removed else f"link {'up' if self.link_up() else 'down'}{', hung' * self.hung}"
        return f"<Nic {self.name} {link}, tx {self.tx.head}/{self.tx.tail}, rx {self.rx.head}/{self.rx.tail}>"

    # Software's side.

    def mmio_read(self, offset: int, width: int = 4) -> int:
        """Return the register at `offset`; narrower reads return its low bytes. Where no card is, all bits read as one."""
        self.rx.settle()
        if self.removed:
            return _ALL_ONES & (1 << 8 * width) - 1
        reader = self._readers.get(offset)
        if reader is not None:
            value = reader()
        elif offset in _STATISTICS:
            value = self.statistics.read(offset)
        else:
            value = self._words.get(offset, 0)
        return value if width == 4 else value & (1 << 8 * width) - 1

    def mmio_write(self, offset: int, value: int, width: int = 4) -> None:
        """Write the register at `offset`. The card knows 32-bit writes only; narrower ones change nothing."""
        if width != 4 or self.removed:
            return
        if self.rx.coming:
            self.rx.settle()
        writer = self._writers.get(offset)
        if writer is not None:
            writer(value & 0xFFFFFFFF)
        else:
            self.registers.write(offset, value & 0xFFFFFFFF)

    # The link's side.

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Take frames from the link (`link.Port`)."""
        self.rx.arrive(frames, times)

    def carrier(self, *, up: bool) -> None:
        """The carrier came or went; LSC tells the driver."""
        self._carrier = up
        self.follow_link()

    def plug(self, end: CableEnd) -> None:
        """Take the end of the cable at which this card sends; the cable plugs the rest."""
        self._end = end

    @property
    def end(self) -> CableEnd | None:
        """The end of the cable it is plugged into, link up or not."""
        return self._end

    def link_up(self) -> bool:
        """Tell whether cable and driver agree on a link: STATUS.LU."""
        return self._carrier and bool(self._words[reg.CTRL] & reg.CTRL_SLU)

    def follow_link(self) -> None:
        """The link came up or went down: send on, or not, and tell the driver by LSC."""
        self.tx.end = self._end if self.link_up() else None
        self.causes.raise_(reg.LSC)
        self.wake()

    # The card itself.

    def wake(self) -> None:
        """Let the engines run: a doorbell rang, the link changed, or room appeared."""
        kernel, wakes_at = self.kernel, self._wakes_at
        if wakes_at is not None and wakes_at <= kernel.now:
            return
        when = kernel.local_time()
        if wakes_at is None or when < wakes_at:
            self._wakes_at = when
            kernel.call_at(when, self._rung)

    def ring(self, tail: int) -> None:
        """Take a new TDT at the local time of the CPU whose code writes it, since the engine may run before.

        Of several CPUs the card hears in the order in which they write, or the tail would go back.
        """
        kernel, tx = self.kernel, self.tx
        if tail and tail >= tx.size // DESCRIPTOR:
            self.registers.refuse("TDT", tail, tx.size)
            return
        if kernel.timed and tx.enabled:
            self._rings_at = max(kernel.local_time(), self._rings_at)
            if self._rings_at > kernel.now:
                kernel.call_at(self._rings_at, partial(self._ring_late, tail, self._resets))
                return
        tx.tail = tail
        # Of the doorbells of one instant the first wakes it.
        if self._wakes_at is None or self._wakes_at > kernel.now:
            self.wake()

    async def run(self) -> None:
        """Drive both engines for ever; arrivals move the receive side only, or sends could tell how they are run."""
        while True:
            rung = await _woken()
            self.rx.settle()
            if rung and not (self.stopped or self.hung or self.removed):
                self.rx.refill()
                try:
                    self.tx.pump()
                except DmaViolation as violation:
                    self._stop(violation)
            self.rx.arm()

    def _rung(self) -> None:
        if self._wakes_at is not None and self._wakes_at <= self.kernel.now:
            self._wakes_at = None
        self._engine.send(True)

    def _ring_late(self, tail: int, resets: int) -> None:
        """The clock has reached the time of a doorbell; one from before a reset is forgotten."""
        if resets == self._resets:
            self.tx.tail = tail
            self.wake()

    def _arrived(self) -> None:
        self._engine.send(False)

    # Trouble, and the reset that ends most of it.

    def hang(self) -> None:
        """Do nothing more until a reset: no DMA, no interrupt, no frame sent; registers still answer.

        Arrivals fill the packet buffer, and are missed once it is full.
        """
        self.rx.settle()
        self.hung = self.rx.hung = True
        self.causes.silence()

    def remove(self) -> None:
        """Surprise removal: from now on there is no card here, and nothing brings it back.

        Every register reads as all ones, the interrupt line is let go, and the card at the other end loses the
        carrier. What was sent still arrives there; what arrives here is dropped as `removed`.
        """
        if self.removed:
            return
        self.rx.settle()
        self.removed = True
        self.rx.remove()
        self.causes.silence()
        if self._end is not None:
            self._end.unplug()

    def _stop(self, violation: DmaViolation) -> None:
        """A master abort: the card does nothing more until it is reset."""
        self.stopped = violation.text
        self.rx.stopped = "disabled"
        self.kernel.report(violation.rule, self.name, violation.text, about=violation.about)

    def power_off(self) -> None:
        """Put every register but PBA (13.4.16) to its reset value, as CTRL.RST does; totals go on."""
        if self.removed:
            return
        self.stopped = ""
        self.hung = False
        self._resets += 1
        self._rings_at = 0
        self.statistics.reset()
        self.causes.reset()
        self.tx.reset()
        self.tx.end = None
        self.rx.reset()
        self.registers.reset()


@types.coroutine
def _woken() -> Generator[None, bool, bool]:
    return (yield)
