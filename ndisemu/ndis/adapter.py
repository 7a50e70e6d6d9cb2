"""An adapter: one instance of a miniport on one device, as NDIS keeps it.

It moves through its life (`states`), runs the miniport's entry points, and is
where a driver's failure ends: a bug check stops this adapter, reports the
driver's own traceback, gives every packet back to its protocol in the order
of submission, and leaves all other adapters alone.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DRIVER_ERRORS, Cpu, Dpc, Fiber, Signal, run_passive
from ndisemu.ndis.constants import AttributeFlag, Medium
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.device import Device
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.receive import ReceivePath
from ndisemu.ndis.requests import RequestQueue
from ndisemu.ndis.resources import Resources
from ndisemu.ndis.send import SendPath
from ndisemu.ndis.states import ADAPTER_TRANSITIONS, AdapterEvent, AdapterState, Machine
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.miniport import AdapterInfo

if TYPE_CHECKING:
    from ndisemu.ndis.binding import Binding
    from ndisemu.ndis.library import NdisLibrary
    from ndisemu.ndis.v5.miniport import Miniport

# How long a request of NDIS's own may take: twice the hang-check interval (5.7).
REQUEST_PATIENCE: Final = 4_000_000_000

# What NDIS asks a miniport right after MiniportInitialize (4.5).
_FIRST_QUERIES = (Oid.GEN_SUPPORTED_LIST, Oid.GEN_MAC_OPTIONS, Oid.GEN_MAXIMUM_TOTAL_SIZE, Oid.E802_3_CURRENT_ADDRESS)


class Adapter:
    """`NDIS_MINIPORT_BLOCK`: one adapter of one host.

    `fibers` are the miniport's suspended coroutines in the order of their
    first suspension. `attributes` is None until NdisMSetAttributesEx.
    """

    def __init__(self, library: "NdisLibrary", miniport: "Miniport", device: Device) -> None:
        self.library = library
        self.name = device.name
        self.kernel = device.cpu.kernel
        self.cpu = device.cpu
        self.device = device
        self.miniport = miniport
        self.state: Machine[AdapterState, AdapterEvent] = Machine(
            device.name, AdapterState.UNINITIALIZED, ADAPTER_TRANSITIONS
        )
        self.attributes: AttributeFlag | None = None
        self.bindings: list[Binding] = []
        self.fibers: dict[Fiber, None] = {}
        self.sends = SendPath(self)
        self.receives = ReceivePath(self)
        self.requests = RequestQueue(self)
        self.resources = Resources(self)
        self.station_address = bytes(6)
        self.maximum_total_size = 0
        self.interrupts = 0
        self._burial = Dpc(self._bury, name=f"{self.name} reclaim", cpu=self.cpu)
        self._last_words = Status.FAILURE

    def __repr__(self) -> str:
        state = self.state.current.value
        return f"<Adapter {self.name} {state}: {self.sends.in_flight} sends, {self.receives.lent} receives in flight>"

    @property
    def running(self) -> bool:
        """Whether the miniport may be called."""
        return self.state.current is AdapterState.RUNNING

    @property
    def refuses_sends(self) -> Status | None:
        """The status with which NDIS itself completes sends, or None if the miniport gets them."""
        return None if self.running else Status.ADAPTER_NOT_READY

    @property
    def refuses_requests(self) -> Status | None:
        """The status with which NDIS itself answers requests, or None if the miniport gets them."""
        return None if self.running else Status.ADAPTER_NOT_READY

    async def initialize(self) -> bool:
        """Run MiniportInitialize, at PASSIVE_LEVEL; returns whether the adapter runs now."""
        self.state.apply(AdapterEvent.INITIALIZE)
        status: object = Status.FAILURE
        info = AdapterInfo(self.name, (Medium.E802_3,), self.device.parameters)
        try:
            status = await run_passive(lambda: self.miniport.initialize(info), self.cpu)
        except DRIVER_ERRORS as error:
            self.bug_check("MiniportInitialize", error)
        if self.state.current is AdapterState.FAILED:
            return False
        if status is not Status.SUCCESS:
            self.report("init-failed", f"MiniportInitialize returned {status}; the adapter does not start")
        elif self.attributes is None:
            self.report("init-attributes", "MiniportInitialize returned SUCCESS without calling NdisMSetAttributesEx")
        else:
            self.state.apply(AdapterEvent.INITIALIZED)
            return await self._ask_first()
        self.device.registers.power_off()
        self.resources.release()
        self.attributes = None
        self.state.apply(AdapterEvent.INITIALIZE_FAILED)
        return False

    async def halt(self) -> None:
        """Unbind every protocol and run MiniportHalt, at PASSIVE_LEVEL; a failed adapter is only cleaned up."""
        for binding in tuple(reversed(self.bindings)):
            await self.library.unbind(binding)
        if self.running:
            self.state.apply(AdapterEvent.HALT)
            try:
                await run_passive(self.miniport.halt, self.cpu)
            except DRIVER_ERRORS as error:
                self.bug_check("MiniportHalt", error)
            else:
                self._check_quiet()
                self.state.apply(AdapterEvent.HALTED)
        self.device.registers.power_off()
        self.resources.release(leaks=self.state.current is AdapterState.HALTED)
        self.attributes = None

    async def request(self, request: OidRequest) -> Status:
        """Make a request of NDIS's own and wait for its end, at PASSIVE_LEVEL; one that never ends stops the adapter."""

        async def ask() -> Status:
            request.signal = Signal()
            status = self.requests.submit(request)
            return await self.patiently(request) if status is Status.PENDING else status

        result = await run_passive(ask, self.cpu) if self.kernel.current is None else await ask()
        return result if isinstance(result, Status) else Status.FAILURE

    async def patiently(self, request: OidRequest) -> Status:
        """Wait for the end of a pending request whose signal is awaited; past all patience, stop the adapter."""

        def give_up() -> None:
            if self.running:
                self.stop("oid-never-completed", f"the {request!r} was not completed in {REQUEST_PATIENCE} ns")

        patience = self.kernel.alarm(give_up)
        patience.set(self.kernel.local_time() + REQUEST_PATIENCE)
        ended: Status = await request.signal if request.signal is not None else Status.FAILURE
        patience.cancel()
        return ended

    def running_cpu(self, call: str) -> Cpu:
        """Return the CPU whose code makes an NDIS call; there must be one."""
        cpu = self.kernel.current
        if cpu is None:
            raise RuleViolation(
                "call-no-cpu", f"{call} on {self.name} was called outside any virtual CPU; call it from driver code"
            )
        return cpu

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Hand packets back to the miniport: MiniportReturnPacket, IRQL <= DISPATCH."""
        if self.state.current in _ALIVE:
            self.call("MiniportReturnPacket", lambda: self.miniport.return_packets(packets))

    def call(self, entry: str, routine: Callable[[], object]) -> object:
        """Run an immediate entry point of the miniport; what it raises stops the adapter."""
        try:
            return routine()
        except DRIVER_ERRORS as error:
            self.bug_check(entry, error)
            return None

    def remember(self, fiber: Fiber) -> None:
        """A coroutine of the miniport has suspended."""
        if self.state.current in _ALIVE:
            self.fibers[fiber] = None
        else:
            fiber.close()

    def forget(self, fiber: Fiber) -> bool:
        """A coroutine of the miniport has ended; returns whether it had suspended before."""
        return self.fibers.pop(fiber, fiber) is None

    def report(self, rule: str, text: str, error: BaseException | None = None) -> None:
        """Record a broken rule of this adapter."""
        self.kernel.report(rule, self.name, text, error)

    def bug_check(self, entry: str, error: BaseException) -> None:
        """Stop this adapter: its driver raised `error` in `entry`."""
        if self.state.current not in _ALIVE and self.state.current is not AdapterState.INITIALIZING:
            return
        rule = error.rule if isinstance(error, RuleViolation) else "bugcheck"
        self.stop(rule, f"{entry} raised {type(error).__name__}: {error}", error)

    def stuck(self, binding: "Binding") -> None:
        """A binding cannot close: somebody never completed what was pending. Stop the adapter, which gives it back."""
        waiting = "".join(f"; {fiber.name} waits at {fiber.where()}" for fiber in islice(self.fibers, 3))
        text = (
            f"{binding.name} cannot close: {self.sends.in_flight} sends, {binding.requests_pending} requests are not "
            f"completed and {binding.receives_held} received packets not returned{waiting}"
        )
        self._last_words = Status.REQUEST_ABORTED
        if self.running:
            self.stop("send-never-completed" if binding.sends_pending else "stuck", text)
        binding.receives_held = 0

    def stop(self, rule: str, text: str, error: BaseException | None = None) -> None:
        """The bug check of one adapter: silence the device now, give everything back from a DPC."""
        self.kernel.withdraw(error)
        self.report(rule, text, error)
        self.state.apply(AdapterEvent.BUG_CHECK)
        self.device.registers.power_off()
        self.resources.silence()
        self._burial.queue(self.cpu)

    def _bury(self) -> None:
        """Close the dead miniport's coroutines in the order of their creation, then give back what it held."""
        for fiber in tuple(self.fibers):
            self._close(fiber)
        self.sends.reclaim(self._last_words)
        self.requests.reclaim(self._last_words)

    def _check_quiet(self) -> None:
        """After MiniportHalt nothing of the driver may be alive (rule `st-halt-quiet`)."""
        for fiber in tuple(self.fibers):
            self.report(
                "st-halt-quiet",
                f"{fiber.name} is still suspended at {fiber.where()} after MiniportHalt has returned; it was closed",
            )
            self._close(fiber)

    def _close(self, fiber: Fiber) -> None:
        self.forget(fiber)
        if not fiber.suspended:
            # It runs, below this on the stack; the next call it makes is refused, and that ends it.
            return
        try:
            fiber.close()
        except DRIVER_ERRORS as error:
            self.report("st-halt-quiet", f"{fiber.name} raised while it was closed: {error!r}", error)

    async def _ask_first(self) -> bool:
        """Query what NDIS must know of every adapter; a miniport without an answer does not start."""
        for oid in _FIRST_QUERIES:
            request = OidRequest.query(oid, 1024)
            status = await self.request(request)
            if status is not Status.SUCCESS:
                if self.running:
                    text = f"the {request!r} after MiniportInitialize ended with {status}; it is mandatory"
                    self.stop("init-oid", text)
                return False
            if oid is Oid.E802_3_CURRENT_ADDRESS:
                self.station_address = request.answered
            elif oid is Oid.GEN_MAXIMUM_TOTAL_SIZE:
                self.maximum_total_size = int.from_bytes(request.answered, "little")
        return True


_ALIVE = (AdapterState.RUNNING, AdapterState.HALTING)
