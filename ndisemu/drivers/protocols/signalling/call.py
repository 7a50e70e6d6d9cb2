"""A call as its call manager keeps it, and the deadlines of what calls wait for."""

from collections.abc import Callable
from enum import Enum

from ndisemu.ndis import Signal, Status
from ndisemu.ndis.co import CallManagerSap, CallManagerVc, CallParameters, CoBinding


class Where(Enum):
    """Where a call is."""

    CALLING = "calling"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    CONNECTED = "connected"
    ENDING = "ending"


class Call:
    """One call, known by the VLAN of its circuit; the signalling circuit is one that is always connected.

    `sap` is set in a call that has come from the cable, whose circuit the
    call manager has created. `released` says that the other side has ended it.
    """

    __slots__ = ("_answer", "_changed", "peer", "released", "sap", "vc", "vlan", "where")

    def __init__(self, vlan: int, peer: bytes, where: Where, sap: CallManagerSap | None = None) -> None:
        self.vlan = vlan
        self.peer = peer
        self.where = where
        self.sap = sap
        self.vc: CallManagerVc | None = None
        self.released = False
        self._answer: Signal | None = None
        self._changed: Signal | None = None

    def __repr__(self) -> str:
        return f"<Call on VLAN {self.vlan}: {self.where.value}>"

    def answer(self) -> Signal:
        """Await this for the peer's answer."""
        self._answer = Signal()
        return self._answer

    def answered(self, status: Status) -> bool:
        """Let who waits for the peer go on; returns whether anybody did."""
        answer, self._answer = self._answer, None
        if answer is None:
            return False
        answer.set(status)
        return True

    async def activate(self, parameters: CallParameters) -> Status:
        """Activate the circuit and wait for it."""
        return await self._change(lambda vc: vc.activate(parameters))

    async def deactivate(self) -> Status:
        """Deactivate the circuit and wait for it."""
        return await self._change(lambda vc: vc.deactivate())

    def changed(self, status: Status) -> bool:
        """An activation or deactivation has ended; returns whether anybody waited for it."""
        changed, self._changed = self._changed, None
        if changed is None:
            return False
        changed.set(status)
        return True

    async def _change(self, change: Callable[[CallManagerVc], Status]) -> Status:
        if self.vc is None:
            return Status.FAILURE
        changed = self._changed = Signal()
        status = change(self.vc)
        if status is not Status.PENDING:
            self._changed = None
            return status
        ended: Status = await changed
        return ended


class Deadlines:
    """How long calls wait for their peers: `patience` ns each, on one timer; `expired` is told of those who wait longer."""

    def __init__(self, binding: CoBinding, patience: int, expired: Callable[[Call], None]) -> None:
        self._binding = binding
        self._patience = patience
        self._expired = expired
        self._due: dict[Call, int] = {}
        self._timer = binding.initialize_timer(self._look)

    def start(self, call: Call) -> None:
        """Give the peer of `call` its time, from now."""
        self._due[call] = self._binding.system_time() + self._patience
        self._set()

    def stop(self, call: Call) -> None:
        """The peer has answered, or nobody waits any more."""
        self._due.pop(call, None)

    def cancel(self) -> None:
        """Wait for nobody."""
        self._due.clear()
        self._timer.cancel()

    def _set(self) -> None:
        if self._due:
            self._timer.set(max(min(self._due.values()) - self._binding.system_time(), 0))

    def _look(self) -> None:
        now = self._binding.system_time()
        for call in [call for call, due in self._due.items() if due <= now]:
            del self._due[call]
            self._expired(call)
        self._set()
