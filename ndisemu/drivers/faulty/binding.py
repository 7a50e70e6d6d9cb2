"""Protocols that use a binding wrongly, from its open to its close, each beside its mended twin."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station, Station6
from ndisemu.ndis import NetEvent, NetPnPEvent, Oid, OidRequest, Status, v5, v6


class AsksWithOneRequest(Station):
    """It has one request, and writes its second question into it as soon as it has asked the first."""

    asked = 0

    def receive_complete(self, binding: v5.Binding) -> None:
        if not self.asked:
            self.ask(binding, OidRequest.query(Oid.GEN_XMIT_OK, 8))

    def ask(self, binding: v5.Binding, request: OidRequest) -> None:
        """Ask both questions."""
        self.asked = 2
        binding.request(request)
        request.oid = Oid.GEN_RCV_OK

    def request_complete(self, binding: v5.Binding, request: OidRequest, status: Status) -> None:
        """There is an answer."""


class AsksOneByOne(AsksWithOneRequest):
    """It writes its second question when the first is answered."""

    def ask(self, binding: v5.Binding, request: OidRequest) -> None:
        self.asked = 1
        binding.request(request)

    def request_complete(self, binding: v5.Binding, request: OidRequest, status: Status) -> None:
        if self.asked == 1:
            self.asked = 2
            request.oid = Oid.GEN_RCV_OK
            binding.request(request)


class RefusesToUnbind(Station6):
    """It closes the binding, and says that it could not."""

    async def unbind_adapter(self, binding: v6.Binding) -> Status:  # type: ignore[override]
        await super().unbind_adapter(binding)
        return Status.FAILURE


class Unbinds(Station6):
    """It closes the binding, and that is all."""

    async def unbind_adapter(self, binding: v6.Binding) -> None:
        await super().unbind_adapter(binding)


class CompletesUnbindTwice(Station):
    """The end of its close completes the unbind, and so does the clean-up behind it."""

    def unbind_adapter(self, binding: v5.Binding) -> Status:  # type: ignore[override]
        self.hold()
        binding.start_close()
        return Status.PENDING

    def close_adapter_complete(self, binding: v5.Binding, status: Status) -> None:
        binding.complete_unbind()
        binding.complete_unbind()


class CompletesUnbindOnce(CompletesUnbindTwice):
    """The end of its close completes the unbind."""

    def close_adapter_complete(self, binding: v5.Binding, status: Status) -> None:
        binding.complete_unbind()


class ForgetsToClose(Station6):
    """It sends no more, and leaves the close to NDIS."""

    async def unbind_adapter(self, binding: v6.Binding) -> None:
        self.hold()


class Closes(Station6):
    """It sends no more, and closes the binding."""

    async def unbind_adapter(self, binding: v6.Binding) -> None:
        self.hold()
        await binding.close()


class AsksAfterItsClose(Station):
    """It wants to know in the end how much it has sent, and has closed the binding before."""

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        await super().unbind_adapter(binding)
        binding.request(OidRequest.query(Oid.GEN_XMIT_OK, 8))


class AsksBeforeItsClose(Station):
    """It asks first."""

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        binding.request(OidRequest.query(Oid.GEN_XMIT_OK, 8))
        await super().unbind_adapter(binding)


class Greets(Station6):
    """It sends a frame of its own at an event."""

    at = NetEvent.RESTART

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        self.greeting: Sequence[v6.NetBufferList] = ()
        return await super().bind_adapter(context)

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        status = await super().net_pnp_event(binding, event)
        if event.code is self.at and not self.greeting:
            self.greeting = binding.allocate_nbls(1, 60)
            binding.send_nbls(self.greeting)
        return status

    def send_complete(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        super().send_complete(binding, [nbl for nbl in nbls if nbl not in self.greeting], flags)


class SaysGoodbye(Greets):
    """It sends its frame when all others are back, at the end of its pause."""

    at = NetEvent.PAUSE


class SaysHello(Greets):
    """It sends its frame as soon as it may."""


PAIRS: Final = (
    Pair("proto-oid-buffer", AsksWithOneRequest, AsksOneByOne, "slow answers"),
    Pair("proto-unbind-no-fail", RefusesToUnbind, Unbinds),
    Pair("proto-unbind-complete", CompletesUnbindTwice, CompletesUnbindOnce),
    Pair("proto-unbind-closes", ForgetsToClose, Closes),
    Pair("proto-send-state", SaysGoodbye, SaysHello),
    Pair("proto-handle-after-close", AsksAfterItsClose, AsksBeforeItsClose),
)
