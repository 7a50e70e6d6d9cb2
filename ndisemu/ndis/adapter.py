"""An adapter of any generation: one instance of a miniport on one device, as NDIS keeps it.

Here is what all generations share: who is bound, which coroutines of the
driver are suspended, NDIS's own requests, and where a driver's failure ends.
A bug check stops this adapter, reports the driver's own traceback, gives
every packet back to its protocol in the order of submission, and leaves all
other adapters alone.

Not here: how an adapter starts and ends, and its data paths; see
`v5.adapter` and `v6.adapter`. What it can be told to do besides is next door,
in `control`.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ndisemu.errors import failure_of, rule_of
from ndisemu.kernel import Cpu, Dpc, Fiber, Signal, driver_errors, driver_name, run_passive
from ndisemu.ndis.allocation import Allocation
from ndisemu.ndis.call import Ended, Failed, enter
from ndisemu.ndis.control import Control
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.device import Device
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.receivebook import ReceiveBook
from ndisemu.ndis.requests import RequestQueue
from ndisemu.ndis.resources import Resources
from ndisemu.ndis.sendbook import SendBook
from ndisemu.ndis.states import Machine
from ndisemu.ndis.status import Status
from ndisemu.units import format_time

if TYPE_CHECKING:
    from ndisemu.ndis.binding import BaseBinding
    from ndisemu.ndis.library import NdisLibrary
    from ndisemu.ndis.v5.miniportlock import MiniportLock


class AnyMiniport(Protocol):
    """A miniport driver of any generation; `ndis` is the library as it sees it."""

    @property
    def ndis(self) -> object:
        """The library."""
        ...


class Adapter(Control):
    """`NDIS_MINIPORT_BLOCK`: one adapter of one host.

    `fibers` are the miniport's suspended coroutines in the order of their
    first suspension. `alive` says whether the driver's code may run,
    `refuses_sends` and `refuses_requests` the status with which NDIS answers
    in its place, None while the miniport gets them: all three follow from
    the state, and are brought up to date by `look` whenever that moves.
    `lock` is the miniport lock of a serialized adapter.
    """

    # An instance with more attributes than Python shares keys for (30) is slower to read, by a per cent of the whole
    # path at burst 1 (`ndisemu bench`); these do not count.
    __slots__ = ("_burial", "_last_words", "alive", "bindings", "cpu", "device", "fibers", "interrupts", "kernel",
                 "library", "lock", "maximum_total_size", "name", "refuses_requests", "refuses_sends", "requests",
                 "resources", "state", "station_address")  # fmt: skip

    generation: ClassVar[str]
    halt_entry: ClassVar[str]

    miniport: AnyMiniport
    sends: SendBook
    receives: ReceiveBook
    lock: "MiniportLock | None"

    def __init__(
        self, library: "NdisLibrary", miniport: AnyMiniport, device: Device, states: Machine[Any, Any]
    ) -> None:
        self.library = library
        self.name = device.name
        self.kernel = device.cpu.kernel
        self.cpu = device.cpu
        self.device = device
        self.state = states
        self.kernel.states[self.name] = lambda: str(states.current.value)
        self.kernel.drivers[self.name] = driver_name(miniport)
        self.lock = None
        self.alive = False
        self.refuses_sends: Status | None = Status.ADAPTER_NOT_READY
        self.refuses_requests: Status | None = Status.ADAPTER_NOT_READY
        self.bindings: list[BaseBinding] = []
        self.fibers: dict[Fiber, None] = {}
        self.requests = RequestQueue(self)
        self.resources = Resources(self)
        self.prepare_control(self)
        self.station_address = bytes(6)
        self.maximum_total_size = 0
        self.interrupts = 0
        self._burial = Dpc(self.bury, name=f"{self.name} reclaim", cpu=self.cpu)
        self.last_words = Status.FAILURE

    def __repr__(self) -> str:
        state = self.state.current.value
        return f"<Adapter {self.name} {state}: {self.sends.in_flight} sends, {self.receives.lent} receives in flight>"

    # What each generation does in its own way.

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether the miniport has started and not ended: it may be halted."""

    @property
    @abstractmethod
    def startable(self) -> bool:
        """Whether `initialize` may be called."""

    @abstractmethod
    def look(self) -> None:
        """Bring `alive`, `refuses_sends` and `refuses_requests` up to date with the state."""

    @abstractmethod
    async def initialize(self) -> bool:
        """Start the miniport, at PASSIVE_LEVEL; returns whether the adapter runs now."""

    @abstractmethod
    async def halt(self) -> None:
        """Unbind every protocol and end the miniport, at PASSIVE_LEVEL; a failed adapter is only cleaned up."""

    @abstractmethod
    def allocate_complete(self, allocation: Allocation) -> None:
        """Tell the miniport how an allocation of shared memory has ended that nobody awaits."""

    @abstractmethod
    def join(self, binding: "BaseBinding") -> None:
        """Put a binding on top of this adapter, with a translator between where generations differ."""

    @abstractmethod
    def leave(self, binding: "BaseBinding") -> None:
        """Take a binding off this adapter."""

    @abstractmethod
    def enter_request(self, request: OidRequest) -> None:
        """Give a request to the miniport, which ends in `requests.returned` or `requests.raised`."""

    @abstractmethod
    def reclaim(self, status: Status) -> None:
        """Take everything from a dead miniport and complete it, in the order of submission."""

    # What a generation may do in its own way.

    async def pause(self) -> None:
        """Let nothing flow any more, before bindings change; a miniport that knows no pause is not asked."""
        for binding in tuple(reversed(self.bindings)):
            await binding.pause()

    async def restart(self) -> None:
        """Let everything flow again, after bindings have changed."""
        for binding in tuple(self.bindings):
            await binding.restart()

    def answer_request(self, request: OidRequest) -> Status | None:
        """Answer a request in the miniport's place; None for what the miniport must see."""
        return self.requests.filters.answer(request)

    def cancel_request(self, request: OidRequest) -> None:
        """End a request that waits for its turn; 5.x cannot take back what its miniport has."""
        self.requests.withdraw(request, Status.REQUEST_ABORTED)

    # The state, which moves here and nowhere else.

    def move(self, event: Enum) -> None:
        """Move on by `event`; an event that the state does not accept changes nothing."""
        self.state.apply(event)
        self.look()

    # What the rest of NDIS and the machine ask of an adapter.

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
        allowed = self.hang.patience

        def give_up() -> None:
            if self.running:
                self.stop("oid-never-completed", f"the {request!r} was not completed in {format_time(allowed)}")

        patience = self.kernel.alarm(give_up)
        patience.set(self.kernel.local_time() + allowed)
        ended: Status = await request.signal if request.signal is not None else Status.FAILURE
        patience.cancel()
        return ended

    async def ask_for(self, wanted: Mapping[Oid, int]) -> dict[Oid, bytes] | None:
        """Query what NDIS must know; None if the miniport has no answer, which stops it."""
        answers = {}
        for oid, length in wanted.items():
            request = OidRequest.query(oid, length)
            status = await self.request(request)
            if status is not Status.SUCCESS:
                if self.running:
                    text = f"the {request!r} after MiniportInitialize ended with {status}; it is mandatory"
                    self.stop("oid-mandatory", text)
                return None
            answers[oid] = request.answered
        return answers

    def running_cpu(self, call: str) -> Cpu:
        """Return the CPU whose code makes an NDIS call; there must be one."""
        cpu = self.kernel.current
        if cpu is None:
            # Recorded where it happens: a task of the driver's own may die of it and tell nobody.
            raise self.kernel.refusal(
                "call-no-cpu",
                self.name,
                f"{call} on {self.name} was called outside any virtual CPU; call it from driver code",
            )
        return cpu

    def enter(self, routine: Callable[[], object], ended: Ended, failed: Failed) -> None:
        """Call an entry point that may pend, under the miniport lock where there is one."""
        if self.lock is None:
            enter(self, routine, ended, failed)
        else:
            self.lock.run(partial(enter, self, routine, ended, failed))

    def call(self, entry: str, routine: Callable[[], object]) -> None:
        """Run an immediate entry point of the miniport; what it raises stops the adapter.

        Where a serialized miniport is busy, the entry runs when it is free.
        """
        if self.lock is None:
            self._guarded(entry, routine)
        else:
            self.lock.run(lambda: self._guarded(entry, routine))

    def _guarded(self, entry: str, routine: Callable[[], object]) -> None:
        try:
            routine()
        except driver_errors() as error:
            self.bug_check(entry, error)

    def remember(self, fiber: Fiber) -> None:
        """A coroutine of the miniport has suspended."""
        if self.alive:
            self.fibers[fiber] = None
        else:
            fiber.close()

    def forget(self, fiber: Fiber) -> bool:
        """A coroutine of the miniport has ended; returns whether it had suspended before."""
        return self.fibers.pop(fiber, fiber) is None

    # Failure.

    def report(
        self, rule: str, text: str, error: BaseException | None = None, about: object = None, by: str = ""
    ) -> None:
        """Record a broken rule on this adapter, about an object where that is known; its miniport's, or that of binding `by`."""
        if about is None:
            about = getattr(error, "about", None)
        self.kernel.report(rule, self.name, text, error, about=about, by=by)

    def bug_check(self, entry: str, error: BaseException) -> None:
        """Stop this adapter: its driver raised `error` in `entry`."""
        if self.alive:
            self.stop(rule_of(error), failure_of(entry, error), error)

    def stuck(self, binding: "BaseBinding") -> None:
        """A binding cannot close: somebody never completed what was pending. Stop the adapter, which gives it back."""
        waiting = "".join(f"; {fiber.name} waits at {fiber.where()}" for fiber in islice(self.fibers, 3))
        text = f"{binding.name} cannot close: {self.sends.in_flight} sends, {binding.outstanding()}{waiting}"
        self.last_words = Status.REQUEST_ABORTED
        if self.running:
            oldest = self.sends.oldest_of(binding) if binding.sends_pending else None
            # What was received the protocol has; all else the miniport.
            owes = binding.receives_held and not binding.sends_pending and not binding.requests_pending
            rule = "send-never-completed" if binding.sends_pending else "stuck"
            if rule == "stuck" and binding.requests_pending and self.requests.current is not None:
                rule = "oid-never-completed"
            self.stop(rule, text, about=oldest, by=binding.name if owes else "")
        binding.receives_held = 0

    def stop(
        self, rule: str, text: str, error: BaseException | None = None, about: object = None, by: str = ""
    ) -> None:
        """The bug check of one adapter, by whoever `report` names: silence the device, give all back from a DPC."""
        self.kernel.withdraw(error)
        self.report(rule, text, error, about, by)
        self.fail()
        self.hang.stop()
        self.device.registers.power_off()
        self.resources.silence()
        self._burial.queue(self.cpu)

    @abstractmethod
    def fail(self) -> None:
        """Move to the state of a failed adapter."""

    def close_fibers(self) -> None:
        """After the miniport has halted nothing of the driver may be alive (rule `st-halt-quiet`)."""
        for fiber in tuple(self.fibers):
            self.report(
                "st-halt-quiet",
                f"{fiber.name} is still suspended at {fiber.where()} after {self.halt_entry} has returned; "
                "it was closed",
            )
            self._close(fiber)

    def bury(self) -> None:
        """Close the dead miniport's coroutines in the order of their creation, then give back what it held."""
        for fiber in tuple(self.fibers):
            self._close(fiber)
        self.reclaim(self.last_words)
        self.requests.reclaim(self.last_words)
        self.resetting.abandon()

    def _close(self, fiber: Fiber) -> None:
        self.forget(fiber)
        if not fiber.suspended:
            # It runs, below this on the stack; the next call it makes is refused, and that ends it.
            return
        try:
            fiber.close()
        except driver_errors() as error:
            self.report("st-halt-quiet", f"{fiber.name} raised while it was closed: {error!r}", error)
