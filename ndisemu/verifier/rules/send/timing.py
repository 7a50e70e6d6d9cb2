"""How long a send may take, in virtual time.

NDIS times what is pending where the miniport has a hang check or leaves the
timing to NDIS, and so does this: a miniport that looks after nothing may wait
for a link as long as it is down. What the link was is known by what the
miniport has said of it, so time runs again when it says that the link is up.
"""

from typing import Final

from ndisemu.units import format_time
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import Code, Model, Rule, after, before, quiet
from ndisemu.verifier.rules.send.completion import COMPLETIONS, SUBMISSIONS, first_serial, has_ended
from ndisemu.verifier.watch import Watch

SECOND: Final = 1_000_000_000
LONGEST: Final = 30 * SECOND
WITHOUT_PROGRESS: Final = 22 * SECOND
# What NDIS calls while nothing else happens, and what may be the end of a time without a link.
_TICKS: Final = (
    "MiniportCheckForHang", "MiniportCheckForHangEx", "MiniportReset", "MiniportResetEx", "NdisMIndicateStatus",
    "NdisMIndicateStatusEx",
)  # fmt: skip


class SendTimedComplete(Rule):
    """Each send is completed within 30 s."""

    id = "send-timed-complete"
    models = Model.DESERIALIZED | Model.NDIS6
    source = "Driver Verifier: NdisTimedDataSend"
    why = "Protocols have only so many buffers. One that is lost in a driver is never sent again, and blocks a pause or a halt."
    microsoft = "NdisTimedDataSend"
    code = Code(0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION", ("0x9200D",))

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._given: list[tuple[int, tuple[object, ...], int]] = []
        self._coming_back: object = None
        self._no_link = 0

    @before(*SUBMISSIONS)
    def submitting(self, call: Call) -> None:
        """Note when the burst was given."""
        self.look()
        if call.items:
            self._given.append((self.watch.kernel.local_time(), call.items, first_serial(call)))

    @before(*COMPLETIONS, *_TICKS)
    def passing(self, call: Call) -> None:
        """Look at the oldest burst, and note whether it comes back: mostly it does whole, as the array that it was."""
        self.look()
        given = self._given
        self._coming_back = given[0] if given and given[0][1] is call.items else None

    @after(*COMPLETIONS)
    def completed(self, call: Call) -> None:
        """Forget the burst that has come back, unless the same array has been sent again meanwhile."""
        given = self._given
        if given and given[0] is self._coming_back and call.error is None:
            del given[0]

    @quiet
    def look(self) -> None:
        """Forget what has ended, and report what has been given too long ago."""
        given, adapter, now = self._given, self.watch.adapter, self.watch.kernel.local_time()
        while given and has_ended(self.watch, *given[0][1:]):
            del given[0]
        if not adapter.link_up:
            self._no_link = now
        if given and now - max(given[0][0], self._no_link) > LONGEST:
            time, items, _ = given.pop(0)
            self.broken(
                f"{adapter.name} was given {items[0]!r} at {format_time(time)} and has not completed it or one that "
                "came with it for 30 s; complete each send, and have MiniportCheckForHang ask for a reset",
                items[0],
            )


class SendTimedProgress(Rule):
    """While sends are pending, one is completed every 22 s at least."""

    id = "send-timed-progress"
    models = Model.DESERIALIZED | Model.NDIS6
    source = "Driver Verifier: NdisTimedDataHang"
    why = "A transmitter that has stopped does not begin again by itself; nothing is sent until somebody resets it."
    microsoft = "NdisTimedDataHang"
    code = Code(0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION", ("0x9200F",))

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._since: int | None = None

    @before(*SUBMISSIONS)
    def submitting(self, call: Call) -> None:
        """Time runs from the first that is pending."""
        self.look()
        if self._since is None:
            self._since = self.watch.kernel.local_time()

    @after(*COMPLETIONS)
    def completed(self, call: Call) -> None:
        """Time begins anew, or ends."""
        self._since = self.watch.kernel.local_time() if self.watch.adapter.sends.in_flight else None

    @before(*COMPLETIONS, *_TICKS)
    def passing(self, call: Call) -> None:
        """Look how long nothing has come."""
        self.look()

    @quiet
    def look(self) -> None:
        """Report a standstill once."""
        adapter, now = self.watch.adapter, self.watch.kernel.local_time()
        if not adapter.sends.in_flight:
            self._since = None
        elif not adapter.link_up:
            self._since = now
        elif self._since is not None and now - self._since > WITHOUT_PROGRESS:
            self._since = None
            self.broken(
                f"{adapter.name} has {adapter.sends.in_flight} sends and has completed none for 22 s; "
                "have MiniportCheckForHang ask for a reset"
            )


RULES: Final[tuple[type[Rule], ...]] = (SendTimedComplete, SendTimedProgress)
