"""Protocols that break a rule, each beside its mended twin."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station, Station6
from ndisemu.errors import RuleViolation
from ndisemu.ndis import NetEvent, NetPnPEvent, Packet, Status, v5, v6


class SendsTwice(Station):
    """It sends again what it has sent and not got back."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        status = await super().bind_adapter(context)
        for sender in self.senders:
            sender._submit = self.twice(sender._submit)
        return status

    def twice(self, submit: Callable[[Sequence[Packet]], None]) -> Callable[[Sequence[Packet]], None]:
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
        status = await super().net_pnp_event(binding, event)
        return Status.FAILURE if event.code is NetEvent.RESTART else status


class PausesTooSoon(Station6):
    """It is paused by saying so, with everything that it was lent in its hands."""

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        if event.code is NetEvent.PAUSE:
            self.hold()
            return Status.SUCCESS
        return await super().net_pnp_event(binding, event)

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.kept = nbls

    async def unbind_adapter(self, binding: v6.Binding) -> None:
        binding.return_nbls(self.kept)
        await super().unbind_adapter(binding)


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
    """It counts the bytes of what it has sent after having sent it."""

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        super().send_complete(binding, packets, status)

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        return super().receive_packets(binding, packets)


PAIRS: Final = (
    Pair("proto-reuse-pending", SendsTwice, SendsOnce),
    Pair("proto-send-wellformed", SendsNoFrame, SendsFrames),
    Pair("proto-open-in-bind", OpensTwice, OpensOnce),
    Pair("proto-netpnp-complete", AnswersTwice, AnswersOnce),
    Pair("proto-netpnp-status", RefusesToRestart, AnswersOnce),
    Pair("proto-cancel-id", CancelsNothing, CancelsById),
)
