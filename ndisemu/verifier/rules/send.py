"""The rules of the send path: who owns what is being sent, and how each send ends."""

from typing import Final

from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, Code, Refused, Rule, before

COMPLETIONS: Final = ("NdisMSendComplete", "NdisMSendNetBufferListsComplete")
SUBMISSIONS: Final = ("MiniportSend", "MiniportSendPackets", "MiniportSendNetBufferLists")


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
        for item in call.items:
            path = item.owner
            adapter = getattr(path, "adapter", None)
            if adapter is not None and adapter is not self.watch.adapter and path is adapter.sends:
                self.broken(
                    f"{self.watch.adapter.name} called {call.name} for {item!r}, which was sent on {adapter.name}; "
                    "complete it with the handle of the adapter that was given it",
                    item,
                )
                return


RULES: Final[tuple[type[Rule], ...]] = (SendDoubleComplete, SendCompleteNotOwned, SendWrongAdapter)
