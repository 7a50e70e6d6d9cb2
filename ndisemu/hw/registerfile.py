"""The registers of one card: their words, and what reading and writing them does.

The table in `registers` says what can be stored where. Here is what goes
beyond storing: a register with an entry in `readers` or `writers` acts on the
card's engines, and those of the receive filter reconfigure it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ndisemu.hw import registers as reg
from ndisemu.hw.receive import Receiver
from ndisemu.hw.registers import REGISTERS, Access
from ndisemu.hw.transmit import Transmitter
from ndisemu.memory import DESCRIPTOR

if TYPE_CHECKING:
    from ndisemu.hw.nic import Nic

_FILTER: Final = range(reg.MTA, reg.VFTA + 4 * 128)


class RegisterFile:
    """`words` by offset, always the same mapping; `readers` and `writers` of the registers that act."""

    __slots__ = ("_masks", "_nic", "readers", "words", "writers")

    def __init__(self, nic: "Nic") -> None:
        self._nic = nic
        self.words: dict[int, int] = {}
        self._masks = {
            row.offset + 4 * place: row.mask
            for row in REGISTERS
            if row.access is Access.READ_WRITE
            for place in range(row.count)
        }
        self._masks |= {reg.RAL0 + 8 * place + 4: reg.RAH_MASK for place in range(16)}
        self.readers: dict[int, Callable[[], int]] = {
            reg.ICR: self._read_icr,
            reg.IMS: lambda: nic.causes.ims,
            reg.STATUS: self._read_status,
            reg.TDH: lambda: nic.tx.head,
            reg.TDT: lambda: nic.tx.tail,
            reg.RDH: lambda: nic.rx.head,
            reg.RDT: lambda: nic.rx.tail,
        }
        self.writers = self._make_writers()

    def reset(self) -> None:
        """Put every word but PBA (13.4.16) to its reset value."""
        kept = {offset: word for offset, word in self.words.items() if offset == reg.PBA}
        self.words |= {row.offset + 4 * place: row.reset for row in REGISTERS for place in range(row.count)} | kept
        mac = self._nic.mac
        self.words[reg.RAL0] = int.from_bytes(mac[:4], "little")
        self.words[reg.RAH0] = int.from_bytes(mac[4:], "little") | reg.RAH_AV
        self._configure_filter()

    def store(self, offset: int, value: int) -> int:
        """Store those bits of `value` that a write can change, and return them."""
        stored = self.words[offset] = value & self._masks[offset]
        return stored

    def write(self, offset: int, value: int) -> None:
        """Write a register that has no writer of its own; one that does not exist swallows it.

        A driver clears tables word by word that are clear already, which is nothing new for the filter.
        """
        if offset in self._masks:
            before = self.words[offset]
            if self.store(offset, value) != before and offset in _FILTER:
                self._configure_filter()

    def _configure_filter(self) -> None:
        words = self.words
        self._nic.rx.filter.configure(
            words[reg.RCTL],
            [words[reg.RAL0 + 4 * place] for place in range(32)],
            [words[reg.MTA + 4 * place] for place in range(128)],
        )
        self._configure_vlan()

    def _configure_vlan(self) -> None:
        """Tell the engines which EtherType marks a tag, while CTRL.VME is set, and the filter in any case."""
        words = self.words
        ethertype = words[reg.VET].to_bytes(2)
        self._nic.tx.vlan = self._nic.rx.vlan = ethertype if words[reg.CTRL] & reg.CTRL_VME else b""
        self._nic.rx.filter.configure_vlan(ethertype, [words[reg.VFTA + 4 * place] for place in range(128)])

    def _make_writers(self) -> dict[int, Callable[[int], None]]:
        nic, causes = self._nic, self._nic.causes
        return {
            reg.CTRL: self._write_ctrl,
            reg.VET: self._write_vet,
            reg.ICR: self._and_arm(causes.acknowledge),
            reg.ITR: self._and_arm(lambda value: causes.set_interval(self.store(reg.ITR, value))),
            reg.ICS: lambda value: causes.raise_(value & reg.CAUSES),
            reg.IMS: self._and_arm(lambda value: causes.unmask(value & reg.CAUSES)),
            reg.IMC: self._and_arm(causes.mask),
            reg.RCTL: self._write_rctl,
            reg.TCTL: self._write_tctl,
            reg.PBA: self._write_pba,
            reg.RDBAL: self._write_ring(nic.rx, reg.RDBAL, reg.RDBAL),
            reg.RDBAH: self._write_ring(nic.rx, reg.RDBAL, reg.RDBAH),
            reg.RDLEN: self._write_ring(nic.rx, reg.RDBAL, reg.RDLEN),
            reg.RDH: self._write_rdh,
            reg.RDT: self._write_rdt,
            reg.TDBAL: self._write_ring(nic.tx, reg.TDBAL, reg.TDBAL),
            reg.TDBAH: self._write_ring(nic.tx, reg.TDBAL, reg.TDBAH),
            reg.TDLEN: self._write_ring(nic.tx, reg.TDBAL, reg.TDLEN),
            reg.TDH: self._write_tdh,
            reg.TDT: nic.ring,
        }

    def _write_ctrl(self, value: int) -> None:
        if value & reg.CTRL_RST:
            self._nic.power_off()
            return
        before = self._nic.link_up()
        self.store(reg.CTRL, value)
        self._configure_vlan()
        if self._nic.link_up() != before:
            self._nic.follow_link()

    def _write_vet(self, value: int) -> None:
        self.store(reg.VET, value)
        self._configure_vlan()

    def _read_status(self) -> int:
        return self.words[reg.STATUS] | (reg.STATUS_LU if self._nic.link_up() else 0)

    def _read_icr(self) -> int:
        value = self._nic.causes.read()
        self._nic.rx.arm()
        return value

    def _and_arm(self, write: Callable[[int], None]) -> Callable[[int], None]:
        """Return `write` for a register that says when the next arrival may interrupt."""

        def write_and_arm(value: int) -> None:
            write(value)
            self._nic.rx.arm()

        return write_and_arm

    def _write_rctl(self, value: int) -> None:
        self._nic.rx.set_control(self.store(reg.RCTL, value))
        self._configure_filter()

    def _write_tctl(self, value: int) -> None:
        control = self.store(reg.TCTL, value)
        self._nic.tx.enabled = bool(control & reg.TCTL_EN)
        self._nic.tx.pad = bool(control & reg.TCTL_PSP)
        self._nic.wake()

    def _write_pba(self, value: int) -> None:
        self._nic.rx.packet_buffer = self.store(reg.PBA, value) * 1024

    def _write_ring(self, engine: Receiver | Transmitter, low: int, offset: int) -> Callable[[int], None]:
        """Return the writer of one of the registers BAL, BAH and LEN, which follow each other from `low`."""

        def write(value: int) -> None:
            self.store(offset, value)
            words = self.words
            engine.set_ring(words[low] | words[low + 4] << 32, words[low + 8])

        return write

    def _write_rdh(self, value: int) -> None:
        self._nic.rx.head = value & 0xFFFF

    def _write_tdh(self, value: int) -> None:
        self._nic.tx.head = value & 0xFFFF

    def _write_rdt(self, value: int) -> None:
        rx = self._nic.rx
        if not value or value < rx.size // DESCRIPTOR:
            rx.tail = value
            if rx.waiting:
                self._nic.wake()
        else:
            self.refuse("RDT", value, rx.size)

    def refuse(self, name: str, index: int, size: int) -> None:
        """Refuse a tail beyond the ring: real cards then run over whatever lies behind it."""
        text = f"{name} was set to {index} in a ring of {size // DESCRIPTOR}; the write was ignored"
        self._nic.kernel.report("ring-index", self._nic.name, text)
