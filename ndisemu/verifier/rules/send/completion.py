"""Who owns what is being sent, and that each send is completed once, by whom it was given to."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, Code, Model, Refused, Rule, before, quiet
from ndisemu.verifier.watch import Watch

COMPLETIONS: Final = ("NdisMSendComplete", "NdisMSendNetBufferListsComplete")
# Arrays that are remembered before the ended ones are forgotten.
REMEMBERED: Final = 64
SUBMISSIONS: Final = ("MiniportSend", "MiniportSendPackets", "MiniportSendNetBufferLists")


def first_serial(call: Call) -> int:
    """Return the number of the first send of a call; a driver may have deleted it."""
    serial: int = getattr(call.items[0], "serial", -1)
    return serial


def pending(watch: Watch, items: Sequence[Any], serial: int) -> Iterator[Any]:
    """Give what has not ended of a call whose sends are numbered from `serial`; what a driver has maimed is not there."""
    sends = watch.adapter.sends
    for number, item in enumerate(items, serial):
        if getattr(item, "owner", None) is sends and getattr(item, "serial", None) == number:
            yield item


def has_ended(watch: Watch, items: Sequence[Any], serial: int) -> bool:
    """Whether nothing of a call is pending any more; mostly the first of it tells."""
    sends, end = watch.adapter.sends, serial + len(items)
    try:
        # What has been sent again since has a higher number.
        for item in items:
            if item.owner is sends and item.serial < end:
                return False
    except AttributeError:
        return next(pending(watch, items, serial), None) is None
    return True


class SendDoubleComplete(Refused):
    """What a miniport was given to send is completed once for each time that it was given."""

    id = "send-double-complete"
    models = EVERY
    source = "seeds 000 and 001; DDK: NdisMSendNetBufferListsComplete"
    why = (
        "From the first completion on it is the protocol's, which may have freed it or sent it again. A second one "
        "takes it away from whoever has it now."
    )
    code = Code(0x7C, "BUGCODE_NDIS_DRIVER", ("a completed list",))


class SendCompleteNotOwned(Refused):
    """A miniport completes only what was submitted to it."""

    id = "send-complete-not-owned"
    models = EVERY
    source = "seed 001; DDK: Sending Data from a Miniport Driver"
    why = "A protocol would be handed a descriptor that it has never sent, such as one of the driver's own receive packets."


class SendWrongAdapter(Rule):
    """What was sent on one adapter is completed with that adapter's handle."""

    id = "send-complete-wrong-adapter"
    models = ANY
    source = "DDK: NdisMSendNetBufferListsComplete (MiniportAdapterHandle)"
    why = "NDIS counts what is out on each adapter. The wrong one never reaches zero, and can neither pause nor halt."

    @before(*COMPLETIONS)
    def completing(self, call: Call) -> None:
        """Look whose sends these are."""
        mine = self.watch.adapter.sends
        for item in call.items:
            if item.owner is not mine and self._look(call, item):
                return

    def _look(self, call: Call, item: Any) -> bool:
        """Report a send of another adapter."""
        path = item.owner
        adapter = getattr(path, "adapter", None)
        if adapter is None or path is not adapter.sends:
            return False
        self.broken(
            f"{self.watch.adapter.name} called {call.name} for {item!r}, which was sent on {adapter.name}; "
            "complete it with the handle of the adapter that was given it",
            item,
        )
        return True


class SendNeverCompleted(Refused):
    """Every send that a miniport has is completed in the end."""

    id = "send-never-completed"
    models = EVERY
    source = "seeds 000, 001 and 003; DDK: bug check 0x15E"
    why = "Its protocol cannot close its binding before it has everything back, so neither it nor the adapter goes."
    code = Code(0x15E, "BUGCODE_NDIS_DRIVER_LIVE_DUMP", ("0x30, a stuck list",))


class SendPerPacketComplete(Rule):
    """Each packet of an array is completed, and not the array as a whole."""

    id = "send-per-packet-complete"
    models = Model.DESERIALIZED
    source = "seed 001; DDK: Packet Ownership"
    why = (
        "NDIS knows no arrays after the call: a completion ends the packets that it names, and the others stay pending."
    )

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._arrays: list[tuple[Sequence[Any], int]] = []

    @before("MiniportSendPackets")
    def submitting(self, call: Call) -> None:
        """Remember arrays, and forget those that have ended."""
        if len(self._arrays) >= REMEMBERED:
            self._arrays = [array for array in self._arrays if not has_ended(self.watch, *array)]
        if len(call.items) > 1:
            self._arrays.append((call.items, first_serial(call)))

    @quiet
    def look(self) -> None:
        """Look for arrays of which a part has come back."""
        arrays, self._arrays = self._arrays, []
        if not self.watch.adapter.link_up:
            return
        for array, serial in arrays:
            left = list(pending(self.watch, array, serial))
            if left and len(left) < len(array):
                self.broken(
                    f"{self.watch.adapter.name} completed {len(array) - len(left)} of {len(array)} packets of an "
                    f"array, and not {left[0]!r}; call NdisMSendComplete for each",
                    left[0],
                )


class SendChainWellformed(Rule):
    """Each list stands once in the chain that is completed."""

    id = "send-chain-wellformed"
    models = Model.NDIS6
    source = "DDK: NdisMSendNetBufferListsComplete"
    why = "A chain that comes back to itself has no end, and NDIS walks it for ever."

    @before("NdisMSendNetBufferListsComplete")
    def completing(self, call: Call) -> None:
        """Count what is different."""
        items = call.items
        if len({*items}) != len(items):
            self.broken(
                f"{self.watch.adapter.name} completed a chain of {len(items)} lists of which only {len({*items})} are "
                "different; link each list once",
                items[0],
            )


class SendCompletePending(Refused):
    """A send is completed with a final status, which NDIS_STATUS_PENDING is not."""

    id = "send-complete-pending"
    models = EVERY
    source = "ndisemu: completions are final"
    why = "PENDING means that a completion follows. In a completion it promises another one, which would be the second."


class SendCompleteArgument(Refused):
    """A completion is called with descriptors of sends and a status."""

    id = "send-complete-argument"
    models = EVERY
    source = "ndisemu: the arguments of a completion"
    why = "On Windows a completion believes any pointer and any number, and corrupts whatever lies there."


RULES: Final[tuple[type[Rule], ...]] = (
    SendDoubleComplete,
    SendCompleteNotOwned,
    SendWrongAdapter,
    SendNeverCompleted,
    SendPerPacketComplete,
    SendChainWellformed,
    SendCompletePending,
    SendCompleteArgument,
)
