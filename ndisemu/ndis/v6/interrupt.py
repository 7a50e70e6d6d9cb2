"""An NDIS 6 miniport's interrupt: the ISR on its line, and a DPC for each CPU behind it.

The driver masks its card in the ISR and unmasks it in the DPC; NDIS does
neither. Which DPCs are queued is said by what the ISR returns, whether or not
it recognised the interrupt. A DPC may be limited in what it indicates; one
that left something behind is queued again.

Source: NDIS reference 5.9 (6 flow) and 5.6 (throttling).
"""

from functools import partial
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Dpc, Server, beginning, driver_errors

if TYPE_CHECKING:
    from ndisemu.ndis.v6.adapter import NblAdapter

# MaxNblsToIndicate for "no limit".
NO_LIMIT: Final = 0xFFFFFFFF


class Throttle:
    """`NDIS_RECEIVE_THROTTLE_PARAMETERS`: how much one DPC may indicate, and whether it has left more behind."""

    __slots__ = ("max_nbls", "more_pending")

    def __init__(self, max_nbls: int) -> None:
        self.max_nbls = max_nbls
        self.more_pending = False


class Interrupt:
    """A registered interrupt: what `NdisMRegisterInterruptEx` gives."""

    __slots__ = ("_adapter", "_contexts", "_cpus", "_dpcs", "connected", "max_nbls")

    def __init__(self, adapter: "NblAdapter") -> None:
        self._adapter = adapter
        device = adapter.device
        self._cpus = device.cpus or (device.cpu,)
        self._contexts: list[object] = [None] * len(self._cpus)
        self._dpcs = [
            Dpc(partial(self._deferred, place), name=f"{adapter.name} interrupt DPC on {cpu.name}", cpu=cpu)
            for place, cpu in enumerate(self._cpus)
        ]
        self.max_nbls = NO_LIMIT
        self.connected = True
        # Before the line: the ISR may be called, and may fail, while it connects.
        adapter.resources.interrupt = self
        device.line.connect(self._service, Server(adapter.name, beginning(type(adapter.miniport).interrupt)))

    def disconnect(self) -> None:
        """No ISR and no DPC after this."""
        if self.connected:
            self.connected = False
            self._adapter.device.line.disconnect(self._service)
            for dpc in self._dpcs:
                dpc.remove()

    def queue(self, targets: int, context: object) -> int:
        """Queue the DPC on each CPU of the mask; returns the mask of those on which it did not wait already."""
        if targets >> len(self._cpus):
            raise RuleViolation(
                "int-dpc-handle",
                f"{self._adapter.name} queues a DPC on the CPUs {targets:#b}; its host has {len(self._cpus)}",
            )
        queued = 0
        for place, dpc in enumerate(self._dpcs):
            if targets >> place & 1 and self.connected and dpc.queue(self._cpus[place]):
                self._contexts[place] = context
                queued |= 1 << place
        return queued

    def _service(self) -> bool:
        """MiniportInterrupt, at DIRQL."""
        adapter = self._adapter
        adapter.interrupts += 1
        try:
            recognized, queue_default, targets = adapter.miniport.interrupt()
            if queue_default:
                targets = 1 << self._cpus.index(adapter.device.dpc_cpu or adapter.running_cpu("MiniportInterrupt"))
            if targets:
                self.queue(targets, None)
        except driver_errors() as error:
            adapter.bug_check("MiniportInterrupt", error)
            return True
        if (note := adapter.kernel.probe.event) is not None:
            note("interrupt", adapter.name, 1, "" if recognized else "not ours")
        return recognized

    def _deferred(self, place: int) -> None:
        """MiniportInterruptDPC, at DISPATCH_LEVEL; once more if it has left something behind."""
        adapter = self._adapter
        if (note := adapter.kernel.probe.event) is not None:
            note("dpc", adapter.name, 1, "")
        context, self._contexts[place] = self._contexts[place], None
        throttle = Throttle(self.max_nbls)
        adapter.call("MiniportInterruptDPC", lambda: adapter.miniport.interrupt_dpc(context, throttle))
        if throttle.more_pending and self.connected:
            self._dpcs[place].queue(self._cpus[place])
