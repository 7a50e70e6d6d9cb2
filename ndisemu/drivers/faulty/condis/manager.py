"""Call managers that break a rule, each beside its mended twin."""

from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import SignallingManager
from ndisemu.drivers.protocols.signalling import FAMILY
from ndisemu.errors import RuleViolation
from ndisemu.ndis import Status
from ndisemu.ndis.co import CallManagerVc, CallParameters, CoBinding


class CompletesTheCallTwice(SignallingManager):
    """The answer of its coroutine completes the call, and so does its last line."""

    async def cm_close_call(self, vc: CallManagerVc, data: bytes) -> Status:
        with suppress(RuleViolation):
            vc.make_call_complete(Status.SUCCESS)
        return await super().cm_close_call(vc, data)


class DeletesWhatItWasGiven(SignallingManager):
    """The call has ended, so it deletes the circuit, which its client has created."""

    async def cm_close_call(self, vc: CallManagerVc, data: bytes) -> Status:
        if vc.context.sap is None:
            with suppress(RuleViolation):
                vc.delete()
        return await super().cm_close_call(vc, data)


class ConnectsWhoHasCalled(SignallingManager):
    """It tells the caller that it is connected, as if it had been called."""

    async def cm_close_call(self, vc: CallManagerVc, data: bytes) -> Status:
        with suppress(RuleViolation):
            vc.dispatch_call_connected()
        return await super().cm_close_call(vc, data)


class SpeaksForItsClient(SignallingManager):
    """It says good-bye on the circuit of its client."""

    async def cm_close_call(self, vc: CallManagerVc, data: bytes) -> Status:
        with suppress(RuleViolation):
            vc.send_packets([])
        return await super().cm_close_call(vc, data)


class ActsAsAClient(SignallingManager):
    """It opens the address family that it has offered."""

    async def unbind_adapter(self, binding: CoBinding) -> None:
        with suppress(RuleViolation):
            binding.open_address_family(FAMILY)
        await super().unbind_adapter(binding)


class SignalsAboutSignalling(SignallingManager):
    """It completes the call that its signalling circuit might be for."""

    async def unbind_adapter(self, binding: CoBinding) -> None:
        if self._line.vc is not None:
            with suppress(RuleViolation):
                self._line.vc.make_call_complete(Status.SUCCESS)
        await super().unbind_adapter(binding)


class KeepsItsPlace(SignallingManager):
    """It does what call managers do, each once, on the circuits that are its own."""


class ConnectsOverNothing(SignallingManager):
    """It completes the call before it has a circuit for it."""

    async def cm_make_call(self, vc: CallManagerVc, parameters: CallParameters) -> Status:
        return Status.SUCCESS


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("co-complete-once", CompletesTheCallTwice, KeepsItsPlace, "calls"),
    Pair("co-delete-by-creator", DeletesWhatItWasGiven, KeepsItsPlace, "calls"),
    Pair("co-incoming-sequence", ConnectsWhoHasCalled, KeepsItsPlace, "calls"),
    Pair("co-send-user", SpeaksForItsClient, KeepsItsPlace, "calls"),
    Pair("co-no-call", SignalsAboutSignalling, KeepsItsPlace, "calls"),
    Pair("co-role", ActsAsAClient, KeepsItsPlace, "calls"),
    Pair("co-makecall-complete-order", ConnectsOverNothing, KeepsItsPlace, "calls"),
)
