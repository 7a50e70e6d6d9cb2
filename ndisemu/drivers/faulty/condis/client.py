"""Connection-oriented clients that break a rule, each beside its mended twin."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Talker
from ndisemu.errors import RuleViolation
from ndisemu.ndis import Packet, Status
from ndisemu.ndis.co import CallParameters, ClientVc, CoBinding, VcEnd


class HangsUpWhileItSends(Talker):
    """It closes the call with its first words on their way."""

    def cl_make_call_complete(self, vc: ClientVc, status: Status, parameters: CallParameters) -> None:
        super().cl_make_call_complete(vc, status, parameters)
        with suppress(RuleViolation):
            vc.close_call()


class DeletesWhileItTalks(Talker):
    """It deletes the circuit of a call that goes on."""

    def cl_make_call_complete(self, vc: ClientVc, status: Status, parameters: CallParameters) -> None:
        super().cl_make_call_complete(vc, status, parameters)
        with suppress(RuleViolation):
            vc.delete()


class LeavesWhileItTalks(Talker):
    """It closes the address family before its calls."""

    def cl_make_call_complete(self, vc: ClientVc, status: Status, parameters: CallParameters) -> None:
        super().cl_make_call_complete(vc, status, parameters)
        if self._af is not None:
            with suppress(RuleViolation):
                self._af.close()


class CallsAfterwards(Talker):
    """It makes one more circuit when it has closed the address family."""

    async def unbind_adapter(self, binding: CoBinding) -> None:
        await super().unbind_adapter(binding)
        if self._af is not None:
            with suppress(RuleViolation):
                self._af.create_vc()


class ReturnsWhatItHasSent(Talker):
    """It takes what comes back for what it was lent, and returns it."""

    def co_send_complete(self, vc: VcEnd, packets: Sequence[Packet], status: Status) -> None:
        with suppress(RuleViolation):
            self.binding.return_packets(packets)
        super().co_send_complete(vc, packets, status)


class SendsLists(Talker):
    """It was ported to NDIS 6, and the card under it was not."""

    def cl_make_call_complete(self, vc: ClientVc, status: Status, parameters: CallParameters) -> None:
        super().cl_make_call_complete(vc, status, parameters)
        with suppress(RuleViolation):
            vc.send_nbls([])


class DoesNotHangUp(Talker):
    """It is told that the other side has hung up, and waits for it to call again."""

    def cl_incoming_close_call(self, vc: ClientVc, status: Status, data: bytes) -> None:
        self.lines.clear()


class TalksInOrder(Talker):
    """It sends on a call that is made, closes that when its packets are back, and leaves last."""


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("co-close-drain", HangsUpWhileItSends, TalksInOrder, "calls"),
    Pair("co-delete-inactive", DeletesWhileItTalks, TalksInOrder, "calls"),
    Pair("co-af-close-order", LeavesWhileItTalks, TalksInOrder, "calls"),
    Pair("co-af-handle", CallsAfterwards, TalksInOrder, "calls"),
    Pair("co-send-generation", SendsLists, TalksInOrder, "calls"),
    Pair("co-rx-return", ReturnsWhatItHasSent, TalksInOrder, "calls"),
    Pair("co-incoming-close", DoesNotHangUp, TalksInOrder, "calls", ("co-af-close-order",)),
)
