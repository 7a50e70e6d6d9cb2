"""What work costs a CPU in modelled time, and figures that were measured on real machines.

Emulated code takes no virtual time by itself. A cost table says what each
kind of work is worth, and whoever lets it happen charges the CPU: the CPU
itself for ISRs and DPCs, locks for being taken, NDIS for frames. Everything
defaults to zero, and a host without a table is not charged at all.

NDIS charges sends when it calls the miniport, and receives when the miniport
indicates. Where an entry runs under the miniport lock, so does its charge;
`protocol_frame` is charged before, outside of every lock of NDIS.
"""

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Modelled time in nanoseconds."""

    isr: int = 0
    """Each interrupt service, with what an interrupt costs the code that it interrupts."""
    dpc: int = 0
    """Each DPC, timers and resumed coroutines included."""
    send_call: int = 0
    """Each call of the miniport's send entry, however many frames it is given."""
    send_frame: int = 0
    """Each frame that the send entry is given."""
    complete_frame: int = 0
    """Each frame whose send the miniport completes."""
    receive_frame: int = 0
    """Each frame that the miniport indicates."""
    protocol_frame: int = 0
    """Each frame, spent by its protocol before NDIS has it."""
    lock: int = 0
    """Each time that a spin lock or the miniport lock is taken and given back."""

    def times(self, numerator: int, denominator: int = 1) -> "Costs":
        """Return the table of a machine that takes `numerator`/`denominator` of the time for everything."""
        return Costs(**{one.name: getattr(self, one.name) * numerator // denominator for one in fields(self)})

    def submission(self, frames: int) -> int:
        """Return what a protocol's own work for `frames` frames costs."""
        return self.protocol_frame * frames

    def send(self, frames: int) -> int:
        """Return what one call of the send entry with `frames` frames costs."""
        return self.send_call + self.send_frame * frames

    def completion(self, frames: int) -> int:
        """Return what completing the sends of `frames` frames costs."""
        return self.complete_frame * frames

    def receive(self, frames: int) -> int:
        """Return what indicating `frames` frames costs."""
        return self.receive_frame * frames


MEASURED: Final = Costs(
    isr=4450, dpc=500, send_call=500, send_frame=161, complete_frame=351, receive_frame=618, lock=164
)
"""A PC of the years of NDIS 5.1, a Pentium III of 700 MHz with PCI cards.

- `send_frame`, `complete_frame` and `receive_frame`: E. Kohler et al., "The Click Modular Router", ACM TOCS 18(3), 2000,
  Table I, microbenchmarks of the Tulip driver, in ns for each 64-byte packet: enqueue for transmit 161; clean the transmit ring
  351; poll a packet 528 and refill the receive ring 90. The driver alone: neither copies nor protocols.
- `isr`: M. Aron and P. Druschel, "Soft timers", SOSP 1999: an interrupt costs 4.45 us, lost caches included, on a Pentium
  II of 300 MHz, the slower machine; the authors found that it hardly shrinks with faster CPUs.
- `lock`: P. McKenney, "Exploiting Deferred Destruction", Ph.D. thesis, 2004: 163.7 ns for a lock that no other CPU has
  taken meanwhile, on four Pentium IIIs of 700 MHz.
- `dpc` and `send_call`, the way through NDIS and one write across PCI, are estimates.
"""
