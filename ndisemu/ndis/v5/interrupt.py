"""A 5.x miniport's interrupt: the ISR on its line, and the DPC behind it.

The ISR says whether the interrupt is its card's and whether its DPC is to
run; a driver that did not ask for its ISR has NDIS mask the card instead.
After the DPC NDIS lets the driver unmask.

Source: NDIS reference 5.9 (5.x flow).
"""

from typing import TYPE_CHECKING

from ndisemu.kernel import Dpc, Server, beginning, driver_errors

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter


class Interrupt:
    """NDIS_MINIPORT_INTERRUPT: a miniport's ISR on its line, and the DPC behind it (5.9)."""

    __slots__ = ("_adapter", "_dpc", "_enables", "_request_isr", "connected")

    def __init__(self, adapter: "PacketAdapter", *, request_isr: bool) -> None:
        self._adapter = adapter
        self._request_isr = request_isr
        self._enables = adapter.supplies("enable_interrupt")
        self._dpc = Dpc(self._deferred, name=f"{adapter.name} interrupt DPC", cpu=adapter.device.dpc_cpu)
        self.connected = True
        # Before the line: the ISR may be called, and may fail, while it connects.
        adapter.resources.interrupt = self
        miniport = type(adapter.miniport)
        place = beginning(miniport.isr if request_isr else miniport.disable_interrupt)
        adapter.device.line.connect(self._service, Server(adapter.name, place))

    def disconnect(self) -> None:
        """No ISR and no DPC after this."""
        if self.connected:
            self.connected = False
            self._adapter.device.line.disconnect(self._service)
            self._dpc.remove()

    def _service(self) -> bool:
        """MiniportISR, or MiniportDisableInterrupt where the driver did not ask for its ISR; at DIRQL."""
        adapter = self._adapter
        adapter.interrupts += 1
        recognized, queue = True, True
        try:
            if self._request_isr:
                recognized, queue = adapter.miniport.isr()
            else:
                adapter.miniport.disable_interrupt()
        except driver_errors() as error:
            adapter.bug_check("MiniportISR" if self._request_isr else "MiniportDisableInterrupt", error)
            return True
        if (note := adapter.kernel.probe.event) is not None:
            note("interrupt", adapter.name, 1, "" if recognized else "not ours")
        if queue and not recognized:
            adapter.report(
                "int-isr-claim",
                "MiniportISR asked for its DPC for an interrupt that it did not recognize; it claims both or neither",
            )
        if queue and self.connected:
            self._dpc.queue(adapter.running_cpu("MiniportISR"))
        return recognized

    def _deferred(self) -> None:
        """MiniportHandleInterrupt, then MiniportEnableInterrupt if the driver has one; at DISPATCH_LEVEL."""
        adapter = self._adapter
        if (note := adapter.kernel.probe.event) is not None:
            note("dpc", adapter.name, 1, "")
        adapter.call("MiniportHandleInterrupt", adapter.miniport.handle_interrupt)
        if self._enables and self.connected:
            adapter.call("MiniportEnableInterrupt", self._enable)

    def _enable(self) -> None:
        self._adapter.device.line.synchronize(self._adapter.miniport.enable_interrupt)
