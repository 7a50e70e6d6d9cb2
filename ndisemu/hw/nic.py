"""The virtual Intel 82540EM: registers in front, engines behind.

`mmio_read` and `mmio_write` are the whole interface to software, next to the
descriptor rings in shared memory and the interrupt line. `run` is the card's
one long-lived coroutine: it waits for doorbells and arrivals and drives both
engines, burst by burst. Nothing here knows of NDIS.

A driver that points the card at memory it may not touch does not get the
data: the engine stops, as after a master abort, until the card is reset, and
the violation is reported.
"""

import types
from collections.abc import Callable, Generator, Sequence

from ndisemu.hw import registers as reg
from ndisemu.hw.causes import Causes
from ndisemu.hw.receive import Receiver
from ndisemu.hw.registers import REGISTERS, Access
from ndisemu.hw.statistics import Statistics
from ndisemu.hw.transmit import Transmitter
from ndisemu.kernel import InterruptLine, Kernel
from ndisemu.link import CableEnd
from ndisemu.memory import DESCRIPTOR, DmaSpace, DmaViolation

_STATISTICS = range(0x4000, 0x4100, 4)


class Nic:
    """One card.

    `settlers` is the list of its host's CPUs: what must be brought up to now
    before their code runs. `mac` is its permanent address, in RAL0/RAH0.
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
        self._end: CableEnd | None = None
        self._carrier = False
        self._awake = False
        self._words: dict[int, int] = {}
        self._masks = {
            row.offset + 4 * place: row.mask
            for row in REGISTERS
            if row.access is Access.READ_WRITE
            for place in range(row.count)
        }
        self._masks |= {reg.RAL0 + 8 * place + 4: reg.RAH_MASK for place in range(16)}
        self._readers: dict[int, Callable[[], int]] = {
            reg.ICR: self._read_icr,
            reg.IMS: lambda: self.causes.ims,
            reg.STATUS: self._status,
            reg.TDH: lambda: self.tx.head,
            reg.TDT: lambda: self.tx.tail,
            reg.RDH: lambda: self.rx.head,
            reg.RDT: lambda: self.rx.tail,
        }
        self._writers = self._make_writers()
        self.power_off()
        self._engine = self.run()
        self._engine.send(None)

    def __repr__(self) -> str:
        link = "up" if self._link_up() else "down"
        return f"<Nic {self.name} link {link}, tx {self.tx.head}/{self.tx.tail}, rx {self.rx.head}/{self.rx.tail}>"

    # Software's side.

    def mmio_read(self, offset: int, width: int = 4) -> int:
        """Return the register at `offset`; narrower reads return its low bytes."""
        self.rx.settle()
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
        if width != 4:
            return
        self.rx.settle()
        writer = self._writers.get(offset)
        if writer is not None:
            writer(value & 0xFFFFFFFF)
        elif offset in self._masks:
            self._words[offset] = value & self._masks[offset]
            if reg.MTA <= offset < reg.RAL0 + 128:
                self._configure_filter()

    # The link's side.

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Take frames from the link (`link.Port`)."""
        self.rx.arrive(frames, times)

    def carrier(self, *, up: bool) -> None:
        """The cable was plugged or unplugged; LSC tells the driver."""
        self._carrier = up
        self._follow_link()

    def plug(self, end: CableEnd) -> None:
        """Take the end of the cable at which this card sends; the cable plugs the rest."""
        self._end = end

    @property
    def end(self) -> CableEnd | None:
        """The end of the cable it is plugged into, link up or not."""
        return self._end

    # The card itself.

    def wake(self) -> None:
        """Let the engines run: a doorbell rang, the link changed, or room appeared."""
        if not self._awake:
            self._awake = True
            self.kernel.call_local(self._rung)

    async def run(self) -> None:
        """Drive both engines for ever; arrivals move the receive side only, or sends could tell how they are run."""
        while True:
            rung = await _woken()
            self.rx.settle()
            if rung and not self.stopped:
                self.rx.refill()
                try:
                    self.tx.pump()
                except DmaViolation as violation:
                    self._stop(violation)
            self.rx.arm()

    def _rung(self) -> None:
        self._awake = False
        self._engine.send(True)

    def _arrived(self) -> None:
        self._engine.send(False)

    def _stop(self, violation: DmaViolation) -> None:
        """A master abort: the card does nothing more until it is reset."""
        self.stopped = violation.text
        self.rx.stopped = True
        self.kernel.report(violation.rule, self.name, violation.text)

    def power_off(self) -> None:
        """Put every register but PBA (13.4.16) to its reset value, as CTRL.RST does; totals go on."""
        self.stopped = ""
        self.rx.stopped = False
        kept = {offset: word for offset, word in self._words.items() if offset == reg.PBA}
        self._words = {row.offset + 4 * place: row.reset for row in REGISTERS for place in range(row.count)} | kept
        self._words[reg.RAL0] = int.from_bytes(self.mac[:4], "little")
        self._words[reg.RAH0] = int.from_bytes(self.mac[4:], "little") | reg.RAH_AV
        self.statistics.reset()
        self.causes.reset()
        self.tx.reset()
        self.tx.end = None
        self.rx.reset()
        self._configure_filter()

    def _link_up(self) -> bool:
        return self._carrier and bool(self._words[reg.CTRL] & reg.CTRL_SLU)

    def _follow_link(self) -> None:
        self.tx.end = self._end if self._link_up() else None
        self.causes.raise_(reg.LSC)
        self.wake()

    def _status(self) -> int:
        return self._words[reg.STATUS] | (reg.STATUS_LU if self._link_up() else 0)

    def _configure_filter(self) -> None:
        words = self._words
        self.rx.filter.configure(
            words[reg.RCTL],
            [words[reg.RAL0 + 4 * place] for place in range(32)],
            [words[reg.MTA + 4 * place] for place in range(128)],
        )

    def _make_writers(self) -> dict[int, Callable[[int], None]]:
        causes = self.causes
        return {
            reg.CTRL: self._write_ctrl,
            reg.ICR: self._and_arm(causes.acknowledge),
            reg.ITR: self._and_arm(lambda value: causes.set_interval(self._store(reg.ITR, value))),
            reg.ICS: lambda value: causes.raise_(value & reg.CAUSES),
            reg.IMS: self._and_arm(lambda value: causes.unmask(value & reg.CAUSES)),
            reg.IMC: self._and_arm(causes.mask),
            reg.RCTL: self._write_rctl,
            reg.TCTL: self._write_tctl,
            reg.PBA: self._write_pba,
            reg.RDBAL: self._write_ring(self.rx, reg.RDBAL, reg.RDBAL),
            reg.RDBAH: self._write_ring(self.rx, reg.RDBAL, reg.RDBAH),
            reg.RDLEN: self._write_ring(self.rx, reg.RDBAL, reg.RDLEN),
            reg.RDH: self._write_rdh,
            reg.RDT: self._write_rdt,
            reg.TDBAL: self._write_ring(self.tx, reg.TDBAL, reg.TDBAL),
            reg.TDBAH: self._write_ring(self.tx, reg.TDBAL, reg.TDBAH),
            reg.TDLEN: self._write_ring(self.tx, reg.TDBAL, reg.TDLEN),
            reg.TDH: self._write_tdh,
            reg.TDT: self._write_tdt,
        }

    def _store(self, offset: int, value: int) -> int:
        stored = self._words[offset] = value & self._masks[offset]
        return stored

    def _write_ctrl(self, value: int) -> None:
        if value & reg.CTRL_RST:
            self.power_off()
            return
        before = self._link_up()
        self._store(reg.CTRL, value)
        if self._link_up() != before:
            self._follow_link()

    def _read_icr(self) -> int:
        value = self.causes.read()
        self.rx.arm()
        return value

    def _and_arm(self, write: Callable[[int], None]) -> Callable[[int], None]:
        """Return `write` for a register that says when the next arrival may interrupt."""

        def write_and_arm(value: int) -> None:
            write(value)
            self.rx.arm()

        return write_and_arm

    def _write_rctl(self, value: int) -> None:
        self.rx.set_control(self._store(reg.RCTL, value))
        self._configure_filter()

    def _write_tctl(self, value: int) -> None:
        control = self._store(reg.TCTL, value)
        self.tx.enabled = bool(control & reg.TCTL_EN)
        self.tx.pad = bool(control & reg.TCTL_PSP)
        self.wake()

    def _write_pba(self, value: int) -> None:
        self.rx.packet_buffer = self._store(reg.PBA, value) * 1024

    def _write_ring(self, engine: Receiver | Transmitter, low: int, offset: int) -> Callable[[int], None]:
        """Return the writer of one of the registers BAL, BAH and LEN, which follow each other from `low`."""

        def write(value: int) -> None:
            self._store(offset, value)
            words = self._words
            engine.set_ring(words[low] | words[low + 4] << 32, words[low + 8])

        return write

    def _write_rdh(self, value: int) -> None:
        self.rx.head = value & 0xFFFF

    def _write_tdh(self, value: int) -> None:
        self.tx.head = value & 0xFFFF

    def _write_rdt(self, value: int) -> None:
        if self._in_ring("RDT", value, self.rx.size):
            self.rx.tail = value
            if self.rx.waiting:
                self.wake()

    def _write_tdt(self, value: int) -> None:
        if self._in_ring("TDT", value, self.tx.size):
            self.tx.tail = value
            self.wake()

    def _in_ring(self, name: str, index: int, size: int) -> bool:
        """Refuse a tail beyond the ring: real cards then run over whatever lies behind it."""
        if index == 0 or index < size // DESCRIPTOR:
            return True
        text = f"{name} was set to {index} in a ring of {size // DESCRIPTOR}; the write was ignored"
        self.kernel.report("ring-index", self.name, text)
        return False


@types.coroutine
def _woken() -> Generator[None, bool, bool]:
    return (yield)
