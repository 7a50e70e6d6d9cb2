"""A binding of a connection-oriented protocol of any generation: a client or a call manager, bound to one adapter.

What is sent and received goes through the ends of circuits; here is what
comes before them: offering and opening an address family, a call manager's
signalling circuits, and requests to the miniport.

It is also the driver whose coroutines run when NDIS enters the protocol
(`call.Driver`); they are closed with the binding.

Source: NDIS reference 3.2, 6.2 and 6.4.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Cpu, Fiber, driver_errors
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.call import Ended, Failed, enter
from ndisemu.ndis.co.address_family import ClientAf
from ndisemu.ndis.co.books import E, T
from ndisemu.ndis.co.ends import CallManagerVc, VcEnd
from ndisemu.ndis.co.parameters import AddressFamilyId
from ndisemu.ndis.co.request import CoRequest
from ndisemu.ndis.co.roles import AnyProtocol, ClientRole, ManagerRole
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.circuitadapter import CircuitAdapter
    from ndisemu.ndis.v5.miniportlock import MiniportLock

_SOURCE: Final = "NDIS reference 6.2"


class CircuitBinding(BaseBinding, Generic[T, E]):
    """`NDIS_BINDING_HANDLE` of a connection-oriented protocol; `client` or `manager` is the protocol by its role.

    `refuses` is what sends on its circuits end with now, if the binding is to blame for that.
    """

    carries_lists: ClassVar[bool]

    protocol: AnyProtocol
    client: ClientRole
    manager: ManagerRole
    adapter: "CircuitAdapter"
    lock: "MiniportLock | None"
    refuses: Status | None

    def take_role(self, protocol: AnyProtocol) -> None:
        """Be the binding of `protocol`, as part of being made."""
        self.protocol = protocol
        self.kernel = self.adapter.kernel
        # Its entry points may run at the same time as others.
        self.lock = None
        self._fibers: dict[Fiber, None] = {}
        if isinstance(protocol, ClientRole):
            self.client = protocol
        if isinstance(protocol, ManagerRole):
            self.manager = protocol

    # What a protocol calls.

    @ddi("NdisCmRegisterAddressFamily", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def register_address_family(self, family: AddressFamilyId) -> Status:
        """Offer `family` to the clients of this adapter, as its call manager; FAILURE if somebody does already."""
        self._enter("NdisCmRegisterAddressFamily", ManagerRole)
        return self.adapter.connections.offer(self, family)

    @ddi("NdisClOpenAddressFamily", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def open_address_family(self, family: AddressFamilyId, context: object = None) -> tuple[Status, ClientAf | None]:
        """Associate with the call manager of `family`; PENDING means that `cl_open_af_complete` follows."""
        self._enter("NdisClOpenAddressFamily", ClientRole)
        return self.adapter.connections.open(self, family, context)

    @ddi("NdisCoCreateVc", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def create_vc(self, context: object = None) -> tuple[Status, CallManagerVc | None]:
        """Create a signalling circuit, which is the call manager's alone; returns SUCCESS and its end, or why not."""
        self._enter("NdisCoCreateVc", ManagerRole)
        status, vc = self.adapter.connections.create_signalling(self, context)
        return status, None if vc is None else vc.manager

    @ddi("NdisCoRequest", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2, 6.4")
    def co_request(self, request: CoRequest, vc: VcEnd | None = None) -> Status:
        """Query or set in the miniport, of one circuit or the adapter; PENDING: `co_request_complete` follows."""
        request.vc = None if vc is None else vc.vc
        return self.request(request)

    @ddi("NdisCloseAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    async def close(self) -> None:
        """Close the adapter; calls, circuits and address families are gone by then, or are taken away."""
        await self.adapter.connections.clear(self)
        await super().close()
        for fiber in tuple(self._fibers):
            self.report("st-halt-quiet", f"{fiber.name} is still suspended at {fiber.where()} after NdisCloseAdapter")
            self._close_fiber(fiber)

    # What NDIS does with it (`call.Driver`).

    def running_cpu(self, call: str) -> Cpu:
        """Return the CPU whose code makes an NDIS call; there must be one."""
        return self.adapter.running_cpu(call)

    def enter(self, routine: Callable[[], object], ended: Ended, failed: Failed) -> None:
        """Call an entry point of the protocol that may pend; one that has failed is called no more."""
        if self.failed:
            ended(Status.FAILURE, suspended=False)
        else:
            enter(self, routine, ended, failed)

    def remember(self, fiber: Fiber) -> None:
        """A coroutine of the protocol has suspended."""
        self._fibers[fiber] = None

    def forget(self, fiber: Fiber) -> bool:
        """A coroutine of the protocol has ended; returns whether it had suspended before."""
        return self._fibers.pop(fiber, fiber) is None

    def report(self, rule: str, text: str, error: BaseException | None = None) -> None:
        """Record a rule that the protocol has broken."""
        self.kernel.report(rule, self.name, text, error)

    def refusal(self, rule: str, text: str) -> RuleViolation:
        """Record a call of the protocol that is refused; returns the error to raise."""
        return self.kernel.refusal(rule, self.name, text)

    def bug_check(self, entry: str, error: BaseException) -> None:
        """The protocol raised `error` in `entry`: it is called no more."""
        self.fail(entry, error)

    def fail(self, entry: str, error: BaseException) -> None:
        """The protocol raised: report it, call it no more, and end what it still owes to others."""
        self.kernel.withdraw(error)
        super().fail(entry, error)
        for fiber in tuple(self._fibers):
            self._close_fiber(fiber)
        self.adapter.connections.abandon(self)

    # What the adapter tells it.

    @abstractmethod
    def circuit_sent(self, end: VcEnd, items: Sequence[T], how: E) -> None:
        """Give back to the protocol what it has sent on its circuit, with the status or the flags of the completion."""

    @abstractmethod
    def circuit_received(self, end: VcEnd, items: Sequence[T], flags: int) -> object:
        """Offer to the protocol what came on its circuit; returns what it answers."""

    def look_at_circuits(self) -> None:
        """What this binding's sends end with has changed."""
        for vc in self.adapter.connections.circuits:
            vc.look()

    def tell_status(self, indication: StatusIndication | None) -> None:
        """Tell the protocol a status of the whole adapter: ProtocolCoStatus, which knows no series."""
        if indication is not None:
            self.tell_vc_status(None, indication)

    def tell_vc_status(self, vc: VcEnd | None, indication: StatusIndication) -> None:
        """Tell the protocol a status of one circuit, or (None) of the whole adapter: ProtocolCoStatus."""
        code, data = indication.code, indication.buffer
        self.tell("ProtocolCoStatus", "NdisMCoIndicateStatus", lambda: self.protocol.co_status(self, vc, code, data))

    def tell_request_complete(self, request: OidRequest, status: Status) -> None:
        """Tell the protocol the end of a request to the miniport: ProtocolCoRequestComplete."""
        vc = request.vc if isinstance(request, CoRequest) else None
        mine = None if vc is None else vc.client if vc.client is not None and vc.client.binding is self else vc.manager
        self.tell(
            "ProtocolCoRequestComplete",
            "NdisMCoRequestComplete",
            lambda: self.protocol.co_request_complete(self, mine, request, status),
        )

    def _enter(self, call: str, role: type[ClientRole] | type[ManagerRole]) -> None:
        """Let the call in: a CPU runs it, and the protocol is a `role`."""
        self.running_cpu(call).preempt()
        if not isinstance(self.protocol, role):
            raise self.refusal("co-role", f"{self.name} called {call}, which is for a {role.title}")

    def _close_fiber(self, fiber: Fiber) -> None:
        self.forget(fiber)
        if fiber.suspended:
            try:
                fiber.close()
            except driver_errors() as error:
                self.report("st-halt-quiet", f"{fiber.name} raised while it was closed: {error!r}", error)


AnyBinding = CircuitBinding[Any, Any]
