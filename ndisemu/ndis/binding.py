"""A binding of any generation: one protocol's open of one adapter.

Here is what all generations share: its life, requests, timers, and the wait
for what is outstanding when it closes. What comes back goes to the
protocol's entry points; a protocol that raises loses its binding's
callbacks, is reported, and disturbs nobody else.

Not here: sending and receiving; see `v5.binding` and `v6.binding`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ndisemu.errors import RuleViolation, failure_of, rule_of
from ndisemu.kernel import DISPATCH, Event, Signal, Timer, driver_errors
from ndisemu.ndis.constants import ProtocolOption
from ndisemu.ndis.data.mdl import BufferPool
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, check_immediate, ddi
from ndisemu.ndis.filter import BindingFilter
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.pnp import NetPnPEvent
from ndisemu.ndis.states import BindingEvent, Machine
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter


class Named(Protocol):
    """A protocol driver of any generation, as far as a report names it."""

    name: str


def binding_name(protocol: str, adapter: "Adapter") -> str:
    """Return what the binding of a protocol to an adapter is called."""
    return f"{protocol} on {adapter.name}"


class BaseBinding(ABC):
    """`NDIS_BINDING_HANDLE`; it owns the packets or lists its protocol allocated.

    `sends_pending` counts what the protocol has submitted and not got back,
    `receives_held` the references it has promised to return. `closing` is
    set once its close has begun. A watcher may stand before the methods of one binding, so it has a `__dict__`.
    """

    __slots__ = ("__dict__", "_buffer_pools", "_quiet", "adapter", "closing", "failed", "filter", "name", "protocol",
                 "protocol_options", "receives_held", "requests_pending", "sends_pending", "state")  # fmt: skip

    protocol: Named

    def __init__(self, adapter: "Adapter", name: str, states: Machine[Any, Any]) -> None:
        self.adapter = adapter
        self.name = name
        self.filter = BindingFilter(adapter.station_address, adapter.device.memory)
        self.state = states
        self.closing = False
        self.sends_pending = 0
        self.receives_held = 0
        self.requests_pending = 0
        self.protocol_options = ProtocolOption(0)
        self.failed = False
        self._buffer_pools: list[BufferPool] = []
        self._quiet = Event(adapter.kernel, f"{self.name} quiet")

    def __repr__(self) -> str:
        return self.name

    # What a protocol of any generation calls.

    @ddi("NdisRequest", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def request(self, request: OidRequest) -> Status:
        """Query or set; PENDING means that `request_complete` follows."""
        self.adapter.running_cpu("NdisRequest").preempt()
        if not self.is_open:
            return Status.CLOSING
        request.binding = self
        status = self.adapter.requests.submit(request)
        if status is Status.PENDING:
            self.requests_pending += 1
        return status

    @ddi("NdisGetCurrentSystemTime", irql="any", kind=Kind.CALL, source="NDIS reference 3.2")
    def system_time(self) -> int:
        """Return the virtual time in ns, as the running CPU sees it."""
        kernel = self.adapter.kernel
        return kernel.local_time() if kernel.timed else kernel.now

    @ddi("NdisInitializeTimer", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.10")
    def initialize_timer(self, routine: Callable[[], None], cpu: int | None = None) -> Timer:
        """Make a timer whose `routine` runs at DISPATCH_LEVEL; what it raises is the protocol's failure.

        It runs on the CPU of that number (`KeSetTargetProcessorDpc`), by default on the one that takes the interrupts.
        """
        check_immediate("timer", routine)

        def expired() -> None:
            if not self.failed:
                try:
                    routine()
                except driver_errors() as error:
                    self.fail("ProtocolTimer", error)

        device = self.adapter.device
        cpus = device.cpus or (device.cpu,)
        if cpu is not None and not 0 <= cpu < len(cpus):
            raise RuleViolation(
                "timer-cpu", f"{self.name} wants a timer on CPU {cpu}; its host has {len(cpus)}, from 0"
            )
        return Timer(device.cpu if cpu is None else cpus[cpu], expired, name=f"{self.name} timer")

    async def query(self, oid: Oid, length: int = 256) -> bytes:
        """Query `oid` and wait for the answer, at PASSIVE_LEVEL; a failure raises `RuleViolation`."""
        request = OidRequest.query(oid, length)
        await self._finished(request)
        return request.answered

    async def set(self, oid: Oid, data: bytes) -> None:
        """Set `oid` and wait for the end, at PASSIVE_LEVEL; a failure raises `RuleViolation`."""
        await self._finished(OidRequest.set(oid, data))

    @ddi("NdisCloseAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    async def close(self) -> None:
        """Close the adapter: refuses new work, and waits for sends, requests and lent packets."""
        self.state.apply(BindingEvent.CLOSE)
        self.closing = True
        self.refuse_sends()
        if not self._is_quiet() and not (await self._wait_for(self._quiet) and self._is_quiet()):
            self.adapter.stuck(self)
            if not self._is_quiet():
                # The stopped adapter gives everything back in a moment.
                await self._quiet.wait(self.adapter.hang.patience)
        self.adapter.leave(self)
        for request in self.adapter.requests.filters.close(self):
            await self.adapter.request(request)
        self.free_pools()
        for buffers in self._buffer_pools:
            buffers.close()
        self.state.apply(BindingEvent.CLOSED)

    # What NDIS does with it.

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether it has been opened and its close has not begun."""

    def outstanding(self) -> str:
        """Say what a close waits for, besides the adapter's sends."""
        return (
            f"{self.requests_pending} requests are not completed and {self.receives_held} received packets not returned"
        )

    @abstractmethod
    def refuse_sends(self) -> None:
        """Let nothing of what the protocol sends from now on reach the miniport."""

    @abstractmethod
    def free_pools(self) -> None:
        """Give descriptors back; one that is sent after this belongs to nobody."""

    @abstractmethod
    def unbind(self) -> object:
        """Call the protocol's entry point that ends this binding; what it returns may have to be awaited."""

    @abstractmethod
    def tell_request_complete(self, request: OidRequest, status: Status) -> None:
        """Call the protocol's entry point for the end of a request that was pending."""

    @abstractmethod
    def tell_status(self, indication: StatusIndication | None) -> None:
        """Call the protocol's entry point for a status indication, or with None for the end of a series."""

    def net_event(self, event: NetPnPEvent) -> object:
        """Call the protocol's entry point for a plug and play event; what it returns may have to be awaited."""
        return Status.NOT_SUPPORTED

    async def pause(self) -> None:  # noqa: B027 - a protocol of a generation without a pause is not asked
        """Let no data flow, before what is bound to the adapter changes."""

    async def restart(self) -> None:  # noqa: B027 - nor told that it may go on
        """Let data flow again."""

    @property
    def link_up(self) -> bool:
        """Whether the miniport has last said that its link is up."""
        return self.adapter.link_up

    def opened(self) -> None:
        """The open has succeeded."""
        self.state.apply(BindingEvent.OPENED)

    def request_completed(self, request: OidRequest, status: Status) -> None:
        """Tell the protocol that a pending request has ended."""
        self.requests_pending -= 1
        if request.signal is not None:
            request.signal.set(status)
        else:
            self.tell_request_complete(request, status)
        self.look_whether_quiet()

    def tell(self, entry: str, call: str, routine: Callable[[], object]) -> object:
        """Run an entry point of the protocol at DISPATCH_LEVEL, on behalf of the NDIS call that led here."""
        if self.failed:
            return None
        result: object = None
        cpu = self.adapter.running_cpu(call)
        before, cpu.irql = cpu.irql, max(cpu.irql, DISPATCH)
        try:
            result = routine()
        except driver_errors() as error:
            self.fail(entry, error)
        cpu.lower_irql(before)
        return result

    def fail(self, entry: str, error: BaseException) -> None:
        """The protocol raised: report it, and call it no more."""
        self.failed = True
        self.adapter.kernel.withdraw(error)
        text = failure_of(f"{entry} of {self.protocol.name}", error)
        self.adapter.report(rule_of(error), text, error, by=self.name)

    def look_whether_quiet(self) -> None:
        """Let a close go on if nothing is outstanding any more."""
        if self.closing and self._is_quiet():
            self._quiet.set()

    async def _finished(self, request: OidRequest) -> None:
        request.signal = Signal()
        status = self.request(request)
        if status is Status.PENDING:
            status = await self.adapter.patiently(request)
        if status is not Status.SUCCESS:
            raise RuleViolation("oid-failed", f"{self.name}: {request!r} ended with {status}")

    async def _wait_for(self, event: Event) -> bool:
        """Wait for `event`, for as long as time passes; a driver that never lets it pass gets no more."""
        kernel = self.adapter.kernel
        before, kernel.stalled = kernel.stalled, event.set
        try:
            return await event.wait(self.adapter.hang.patience)
        finally:
            kernel.stalled = before
            event.reset()

    def _is_quiet(self) -> bool:
        return not (self.sends_pending or self.receives_held or self.requests_pending)
