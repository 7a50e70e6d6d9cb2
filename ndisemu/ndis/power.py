"""Power: an adapter that sleeps and wakes, and what may wake the machine meanwhile.

Only a miniport that answers OID_PNP_CAPABILITIES sleeps. On the way down the
protocols are told first, and one that has no use for power events is
unbound; an NDIS 6 adapter is paused; then the miniport is told by
OID_PNP_SET_POWER, which must succeed. On the way up it is the other way round. While the adapter sleeps NDIS
refuses sends and requests. Wake-up masks and patterns are NDIS's to keep.

Not here: halting adapters that cannot sleep when the machine does.

Source: NDIS reference 2.1, 4.5; rules `oid-set-power`.
"""

from typing import TYPE_CHECKING, Final

from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.pnp import NetEvent, NetPnPEvent, PowerState
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

# NDIS_PNP_CAPABILITIES: flags, and the deepest state from which each kind of wake-up works.
_CAPABILITIES: Final = 16


class Power:
    """The power state of one adapter, and its wake-up settings: `wake_up` is the mask, `patterns` are by their bytes."""

    __slots__ = ("_adapter", "_patterns", "state", "wake_up")

    def __init__(self, adapter: "Adapter") -> None:
        self._adapter = adapter
        self.state = PowerState.D0
        self.wake_up = 0
        self._patterns: dict[bytes, None] = {}

    def begin_again(self) -> None:
        """Be awake, with nothing to wake for."""
        self.state = PowerState.D0
        self.wake_up = 0
        self._patterns.clear()

    def __repr__(self) -> str:
        return f"<Power of {self._adapter.name}: {self.state.name}, {len(self._patterns)} wake-up patterns>"

    @property
    def asleep(self) -> bool:
        """Whether it is in another state than D0."""
        return self.state is not PowerState.D0

    @property
    def patterns(self) -> tuple[bytes, ...]:
        """The wake-up patterns, in the order in which they were added."""
        return tuple(self._patterns)

    async def change(self, state: PowerState) -> Status:
        """Bring the adapter into `state`, in an asyncio task; a miniport that cannot sleep changes nothing."""
        adapter = self._adapter
        await adapter.resetting.over()
        if self._is_over():
            return Status.ADAPTER_NOT_READY
        if state is self.state:
            return Status.SUCCESS
        if not self.asleep:
            status = await adapter.request(_urgent(OidRequest.query(Oid.PNP_CAPABILITIES, _CAPABILITIES)))
            if status is not Status.SUCCESS:
                return status
            await self._tell_protocols(state)
            if adapter.pauses_to_sleep:
                await adapter.pause()
            if self._is_over():
                return Status.ADAPTER_NOT_READY
        before, self.state = self.state, state if state is not PowerState.D0 else self.state
        adapter.look()
        status = await adapter.request(_urgent(OidRequest.set(Oid.PNP_SET_POWER, state.to_bytes(4, "little"))))
        if status is Status.SUCCESS:
            self.state = state
        else:
            self.state = before
            adapter.report("oid-set-power", f"OID_PNP_SET_POWER to {state.name} ended with {status}; it must succeed")
        adapter.look()
        adapter.resume()
        if not self.asleep:
            await adapter.restart()
            await self._tell_protocols(self.state)
        return status

    def watch(self, request: OidRequest) -> None:
        """Remember what a request says of wake-ups, as soon as the miniport has taken it."""
        data = request.data
        if request.oid is Oid.PNP_ENABLE_WAKE_UP:
            request.applied = lambda: self._enable(int.from_bytes(data[:4], "little"))
        elif request.oid is Oid.PNP_ADD_WAKE_UP_PATTERN:
            request.applied = lambda: self._patterns.update({data: None})
        elif request.oid is Oid.PNP_REMOVE_WAKE_UP_PATTERN:
            request.applied = lambda: self._forget(data)

    def restoring(self) -> list[OidRequest]:
        """Return the sets that tell the miniport again what may wake the machine."""
        if not self.wake_up and not self._patterns:
            return []
        mask = OidRequest.set(Oid.PNP_ENABLE_WAKE_UP, self.wake_up.to_bytes(4, "little"))
        patterns = [OidRequest.set(Oid.PNP_ADD_WAKE_UP_PATTERN, pattern) for pattern in self._patterns]
        return [_urgent(request) for request in (*patterns, mask)]

    def _is_over(self) -> bool:
        """Whether there is nothing left to sleep or wake."""
        return not self._adapter.running or self._adapter.removed

    def _enable(self, mask: int) -> None:
        self.wake_up = mask

    def _forget(self, pattern: bytes) -> None:
        self._patterns.pop(pattern, None)

    async def _tell_protocols(self, state: PowerState) -> None:
        """Tell every binding, and unbind those that have no use for it."""
        adapter = self._adapter
        for binding in tuple(adapter.bindings):
            answer = await NetPnPEvent(NetEvent.SET_POWER, state).tell(binding)
            if answer is Status.NOT_SUPPORTED:
                await adapter.library.unbind(binding)


def _urgent(request: OidRequest) -> OidRequest:
    request.urgent = True
    return request
