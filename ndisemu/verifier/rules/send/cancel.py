"""What a cancel takes back: MiniportCancelSend, and MiniportCancelSendPackets of 5.1."""

from typing import Final

from ndisemu.ndis.status import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Rule, before
from ndisemu.verifier.rules.send.completion import COMPLETIONS

_ABORTED: Final = (Status.SEND_ABORTED, Status.REQUEST_ABORTED)


class SendCancelWrongTarget(Rule):
    """A cancel gives back the lists or packets of its cancel id, and no others."""

    id = "send-cancel-wrong-target"
    models = ANY
    source = "DDK: MiniportCancelSend, MiniportCancelSendPackets"
    why = "The others belong to protocols or connections that have not cancelled anything, and lose their frames."

    @before(*COMPLETIONS)
    def completing(self, call: Call) -> None:
        """Compare the ids of what a cancel gives back."""
        cancel = self.watch.inside("MiniportCancelSend", "MiniportCancelSendPackets")
        if cancel is None:
            return
        wanted, common = cancel.argument("cancel_id"), call.argument("status")
        for item in call.items:
            # The packets of a call have its status, each list has its own.
            status = item.status if common is None else common
            if status in _ABORTED and item.cancel_id != wanted:
                self.broken(
                    f"{self.watch.adapter.name} completed {item!r} of cancel id {item.cancel_id} in a cancel of {wanted}; "
                    "leave what has another id where it is",
                    item,
                )
                return


RULES: Final[tuple[type[Rule], ...]] = (SendCancelWrongTarget,)
