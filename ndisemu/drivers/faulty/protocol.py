"""Protocols that break a rule, each beside its mended twin."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station, Station6
from ndisemu.errors import RuleViolation
from ndisemu.ndis import NetEvent, NetPnPEvent, Packet, Signal, Status, v5, v6

Submit: TypeAlias = Callable[[Sequence[Packet]], None]
"""What sends an array."""


class SendsTwice(Station):
    """It sends again what it has sent and not got back."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        status = await super().bind_adapter(context)
        for sender in self.senders:
            sender._submit = self.twice(sender._submit)
        return status

    def twice(self, submit: Submit) -> Submit:
        """Return what submits an array, and then the same array."""

        def again(packets: Sequence[Packet]) -> None:
            submit(packets)
            with suppress(RuleViolation):
                submit(packets)

        return again


class SendsOnce(Station):
    """It waits for ProtocolSendComplete."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        return await super().bind_adapter(context)


class SendsNoFrame(Station6):
    """It sends a list in which there is nothing."""

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        status = await super().bind_adapter(context)
        sender = self.senders[0]
        sender._fill = self.empty
        return status

    def empty(self, nbls: Sequence[v6.NetBufferList], frames: Sequence[bytes]) -> None:
        """Take the frames out of lists."""
        for nbl in nbls:
            nbl.buffers = ()


class SendsFrames(Station6):
    """Each list has a frame."""

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        return await super().bind_adapter(context)


class OpensTwice(Station):
    """It opens the adapter for sending, and once more for receiving."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        status = await super().bind_adapter(context)
        context.open_adapter()
        return status


class OpensOnce(Station):
    """One open does both."""


class AnswersTwice(Station6):
    """It answers an event, and completes it, too."""

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        status = await super().net_pnp_event(binding, event)
        if event.code is NetEvent.RESTART:
            with suppress(RuleViolation):
                binding.complete_net_pnp_event(event, Status.SUCCESS)
                binding.complete_net_pnp_event(event, Status.SUCCESS)
        return status


class AnswersOnce(Station6):
    """The answer is the completion."""

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        return await super().net_pnp_event(binding, event)


class RefusesToRestart(Station6):
    """It fails an event that cannot be failed."""

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        if event.code is NetEvent.RESTART:
            return Status.FAILURE
        return await super().net_pnp_event(binding, event)


class Keeping(Station6):
    """It keeps what it is lent until it is asked to pause, or to go."""

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        self.kept: list[v6.NetBufferList] = []
        return await super().bind_adapter(context)

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        if not flags & v6.ReceiveFlag.RESOURCES:
            self.kept.extend(nbls)

    def give_back(self, binding: v6.Binding) -> None:
        """Return everything."""
        kept, self.kept = self.kept, []
        binding.return_nbls(kept)


class PausesTooSoon(Keeping):
    """It says that it is paused, and returns what it was lent a little later."""

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        if event.code is NetEvent.PAUSE:
            self.hold()
            if self.kept:
                binding.initialize_timer(lambda: self.give_back(binding)).set(1000)
            return Status.SUCCESS
        return await super().net_pnp_event(binding, event)


class PausesWithEmptyHands(Keeping):
    """It returns what it was lent, and then says that it is paused."""

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        if event.code is NetEvent.PAUSE:
            self.give_back(binding)
        return await super().net_pnp_event(binding, event)


class CancelsNothing(Station):
    """It cancels by the number that means nothing."""

    def receive_complete(self, binding: v5.Binding) -> None:
        with suppress(RuleViolation):
            binding.cancel_sends(0)


class CancelsById(Station):
    """It cancels by an id of its own."""

    def receive_complete(self, binding: v5.Binding) -> None:
        binding.cancel_sends(7)


class LooksAtWhatItSent(Station):
    """It counts the bytes of what it has sent when it has sent it."""

    bytes_sent = 0

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        status = await super().bind_adapter(context)
        for sender in self.senders:
            sender._submit = self.counting(sender._submit)
        return status

    def counting(self, submit: Submit) -> Submit:
        """Return what submits an array, and counts."""

        def count(packets: Sequence[Packet]) -> None:
            mine = tuple(packets)
            submit(packets)
            self.bytes_sent += sum(packet.length for packet in mine)

        return count


class LooksBeforeItSends(LooksAtWhatItSent):
    """It counts first."""

    def counting(self, submit: Submit) -> Submit:
        def count(packets: Sequence[Packet]) -> None:
            self.bytes_sent += sum(packet.length for packet in packets)
            submit(packets)

        return count


class ClosesTwice(Station):
    """Its clean-up closes the binding, and so does the end of the unbind."""

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        await super().unbind_adapter(binding)
        await binding.close()


class ClosesOnce(Station):
    """There is one close for each open, in the unbind."""


class NeverReturns(Station):
    """It keeps what it has received for a client that never comes for it."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        return 1


class ReturnsInTheEnd(Station):
    """What the client has not come for is returned when the protocol goes."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        self.kept: list[Packet] = []
        return await super().bind_adapter(context)

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        self.kept.extend(packets)
        return 1

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        binding.return_packets(self.kept)
        await super().unbind_adapter(binding)


class NeverUnbinds(Station):
    """It waits for a client to leave that does not know that it should."""

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        await Signal()


class Unbinds(Station):
    """It closes the binding, whoever is still there."""

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        await super().unbind_adapter(binding)


class BindsWithoutAWord(Station6):
    """It opens the adapter, and does not say how that went."""

    async def bind_adapter(self, context: v6.BindContext) -> Status:  # type: ignore[return]
        await super().bind_adapter(context)


class BindsAndSaysSo(Station6):
    """It ends with what the open ended with."""

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        return await super().bind_adapter(context)


PAIRS: Final = (
    Pair("proto-reuse-pending", SendsTwice, SendsOnce),
    Pair("proto-send-wellformed", SendsNoFrame, SendsFrames),
    Pair("proto-open-in-bind", OpensTwice, OpensOnce),
    Pair("proto-bind-complete", BindsWithoutAWord, BindsAndSaysSo),
    Pair("proto-netpnp-complete", AnswersTwice, AnswersOnce),
    Pair("proto-netpnp-status", RefusesToRestart, AnswersOnce),
    Pair("proto-pause", PausesTooSoon, PausesWithEmptyHands),
    Pair("proto-touch-after-send", LooksAtWhatItSent, LooksBeforeItSends),
    Pair("st-illegal", ClosesTwice, ClosesOnce),
    Pair("proto-watchdogs", NeverUnbinds, Unbinds),
    Pair("stuck", NeverReturns, ReturnsInTheEnd),
    Pair("proto-cancel-id-zero", CancelsNothing, CancelsById),
)
