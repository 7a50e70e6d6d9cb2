"""Hang checks: NDIS looks every few seconds whether an adapter still gets on with its work.

At each tick NDIS asks the miniport, and looks whether a pending request, or
in a serialized 5.x adapter the oldest send, was there at the last two ticks
already. Any of these resets the adapter; a request that outlives that is
never completed, and stops it.

The ticks are chores of the kernel: they keep no run going, unless something
is outstanding that a hang check may bring to an end.

Source: NDIS reference 5.7.
"""

from typing import TYPE_CHECKING, Final

from ndisemu.kernel import Dpc

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

SECOND: Final = 1_000_000_000
# What has outlived two ticks is seen for the third time.
TOO_OFTEN: Final = 3
# For how many ticks without any change somebody may still hope for an end.
HOPE: Final = 4


class HangCheck:
    """The hang checks of one adapter; `interval` is in ns."""

    __slots__ = ("_adapter", "_change", "_chore", "_dpc", "_outlived", "_request", "_send", "_still", "interval")

    def __init__(self, adapter: "Adapter") -> None:
        self._adapter = adapter
        self._chore = adapter.kernel.chore(self._tick)
        self._dpc = Dpc(self._check, name=f"{adapter.name} hang check", cpu=adapter.cpu)
        self._request = Seen()
        self._send = Seen()
        # The request for which the adapter was reset already.
        self._outlived: int | None = None
        self._change: tuple[int, ...] = ()
        self._still = 0
        self.set_interval(0)

    def set_interval(self, seconds: int) -> None:
        """Take CheckForHangTimeInSeconds: even, and at least two; 0 means two."""
        self.interval = max(2, seconds // 2 * 2) * SECOND

    @property
    def patience(self) -> int:
        """How long NDIS waits, in ns, for what no hang check has brought to an end."""
        return HOPE * self.interval

    def start(self) -> None:
        """The adapter runs from now on."""
        self._chore.set(self._adapter.kernel.now + self.interval)
        self._adapter.kernel.unfinished.append(self.unfinished)

    def stop(self) -> None:
        """The adapter does not run any more."""
        self._dpc.remove()
        if self._chore.cancel():
            self._adapter.kernel.unfinished.remove(self.unfinished)

    def unfinished(self) -> bool:
        """Whether something is outstanding that hang checks may end, and has moved within the last ticks."""
        return self._outstanding() and (self._still < HOPE or self._changes() != self._change)

    def forget(self) -> None:
        """Count from nothing: what is outstanding gets another chance."""
        self._request.again(None)
        self._send.again(None)

    def _tick(self) -> None:
        """One tick, on no CPU; the checks themselves are a DPC, where there is anything to check."""
        adapter = self._adapter
        self._chore.set(adapter.kernel.now + self.interval)
        change = self._changes()
        self._still = self._still + 1 if change == self._change else 0
        self._change = change
        if adapter.checks_for_hang or self._outstanding():
            self._dpc.queue(adapter.cpu)

    def _check(self) -> None:
        """Look at everything, at DISPATCH_LEVEL."""
        adapter = self._adapter
        if not adapter.running or adapter.refusal is not None:
            self.forget()
            return
        if adapter.checks_for_hang:
            adapter.check_for_hang()
        requests = adapter.requests
        # A request is told from its successor by how many have ended before it.
        request = requests.completed if requests.current is not None and adapter.times_requests else None
        if self._request.again(request) >= TOO_OFTEN:
            if request == self._outlived:
                adapter.stop(
                    "oid-never-completed", f"the {requests.current!r} was not completed, not even after a reset for it"
                )
                return
            self._outlived = request
            adapter.resetting.hung(f"the {requests.current!r} is pending for too long")
        if self._send.again(adapter.oldest_send()) >= TOO_OFTEN:
            adapter.resetting.hung("a send is pending for too long")

    def _outstanding(self) -> bool:
        adapter = self._adapter
        return (
            adapter.requests.current is not None
            or adapter.resetting.in_progress
            or (adapter.times_sends and adapter.sends.in_flight > 0)
        )

    def _changes(self) -> tuple[int, ...]:
        sends, requests = self._adapter.sends, self._adapter.requests
        return sends.submitted, sends.in_flight, requests.submitted, requests.completed, self._adapter.resetting.count


class Seen:
    """How many ticks in a row the same thing was seen, by a number that stands for it."""

    __slots__ = ("_times", "_what")

    def __init__(self) -> None:
        self._what: int | None = None
        self._times = 0

    def again(self, what: int | None) -> int:
        """See `what`, or with None nothing; returns for how many ticks in a row."""
        self._times = 0 if what is None else self._times + 1 if what == self._what else 1
        self._what = what
        return self._times
