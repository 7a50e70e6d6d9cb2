"""A level-triggered interrupt line that several devices may share.

A device asserts the line while it has an unmasked cause; the line asks its
CPU for service as long as anybody asserts it and somebody is connected. The
service routine of each connected driver is tried in order of connection
until one claims the interrupt; as the line is a level, the rest get their
turn when it is still asserted afterwards.

Bounded: a line nobody claims, or that stays asserted however often it is
claimed, is an interrupt storm. It is reported and shut off. To blame is who
claims what its own device has not raised, or else who serves a device that
stays raised.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from ndisemu.kernel.cpu import Cpu
from ndisemu.kernel.irql import Irql

# How many times in a row a line is serviced at one instant before it counts as a storm.
STORM_LIMIT: Final = 1000

ServiceRoutine = Callable[[], bool]


class Server(NamedTuple):
    """Whose a service routine is: the device that it serves, and where the driver's own code for it begins."""

    device: str
    place: tuple[str, ...]


class InterruptLine:
    """One wire to the interrupt controller.

    `cpu` takes its interrupts, `irql` is the device level its routines run at. `spurious` counts services
    nobody claimed.
    """

    __slots__ = ("_routines", "_servers", "_sources", "cpu", "irql", "name", "shut", "spurious")

    def __init__(self, cpu: Cpu, name: str, *, irql: int = Irql.DEVICE) -> None:
        self.cpu = cpu
        self.name = name
        self.irql = int(irql)
        self.spurious = 0
        self.shut = False
        # Replaced, never changed: a routine may disconnect while a pass goes over them.
        self._routines: tuple[ServiceRoutine, ...] = ()
        self._servers: dict[ServiceRoutine, Server] = {}
        self._sources: list[str] = []

    def __repr__(self) -> str:
        level = f"asserted by {', '.join(self._sources)}" if self._sources else "quiet"
        return f"<InterruptLine {self.name} {level}, {len(self._routines)} connected>"

    @property
    def asserted(self) -> bool:
        """Whether any device asserts it."""
        return bool(self._sources)

    def connect(self, routine: ServiceRoutine, server: Server | None = None) -> None:
        """Add a service routine (`IoConnectInterrupt`), of this server; it may be called before this returns."""
        self._routines += (routine,)
        if server is not None:
            self._servers[routine] = server
        if self._sources:
            self.request()
            # Only on its own CPU: the work of another one never runs nested.
            if self.cpu.kernel.current is self.cpu:
                self.cpu.preempt()

    def disconnect(self, routine: ServiceRoutine) -> None:
        """Remove a service routine (`IoDisconnectInterrupt`); it is not called again."""
        left = list(self._routines)
        left.remove(routine)
        self._routines = tuple(left)
        self._servers.pop(routine, None)
        if not self._routines:
            self.cpu.forget(self)

    def assert_(self, source: str) -> None:
        """A device raises the line; `source` names it."""
        if source not in self._sources:
            self._sources.append(source)
            self.request()

    def deassert(self, source: str) -> None:
        """A device lets go of the line."""
        if source in self._sources:
            self._sources.remove(source)
            if not self._sources:
                self.cpu.forget(self)

    def request(self) -> None:
        """Ask the CPU for service, if anybody asserts the line and anybody is connected."""
        if self._sources and self._routines and not self.shut:
            self.cpu.interrupt(self)

    def synchronize(self, function: Callable[[], bool]) -> bool:
        """Run `function` at this line's level, excluding its service routines (`NdisMSynchronizeWithInterrupt`)."""
        cpu = self.cpu.kernel.current or self.cpu
        before = cpu.raise_irql(max(self.irql, cpu.irql))
        try:
            result = function()
        finally:
            cpu.lower_irql(before)
        return result

    def service(self) -> None:
        """Call the service routines, at this line's level, until nobody asserts it."""
        for _ in range(STORM_LIMIT):
            for routine in self._routines:
                if routine():
                    break
            else:
                self.spurious += 1
                if self._sources:
                    self._storm(None)
                    return
            if not self._sources:
                return
        self._storm(self._servers.get(routine))

    def _storm(self, claiming: Server | None) -> None:
        """Shut the line off, and say whose fault it is; `claiming` is who has claimed it last, if that is known."""
        self.shut = True
        self.cpu.forget(self)
        kernel, raised = self.cpu.kernel, ", ".join(self._sources)
        if claiming is not None and claiming.device not in self._sources:
            text = (
                f"the service routine of {claiming.device} claims whatever there is on {self.name}, which stays asserted by "
                f"{raised}, whose own routine is not called for that; claim what the own device has raised, and nothing else"
            )
            kernel.report("int-isr-claim", claiming.device, text, stack=claiming.place)
            return
        text = (
            f"the line stays asserted by {raised} after its service routines have run; "
            "a routine must acknowledge or mask its device's causes"
        )
        places = {server.device: server.place for server in self._servers.values()}
        known = [source for source in self._sources if source in kernel.drivers]
        for device in [self.name] if not known else known if claiming is None else [claiming.device]:
            kernel.report("int-isr-ack", device, text, stack=places.get(device, ()))
