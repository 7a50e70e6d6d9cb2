"""Drivers that fail, or do not get on: exceptions, calls that end never, states where a call is illegal."""

from typing import Final

from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, Code, Refused, Rule, before

_HANG: Final = ("MiniportCheckForHang", "MiniportCheckForHangEx")
_HANDS_OVER: Final = (
    "NdisMSendComplete", "NdisMSendNetBufferListsComplete", "NdisMIndicateReceivePacket",
    "NdisMIndicateReceiveNetBufferLists", "NdisMIndicateStatus", "NdisMIndicateStatusEx",
)  # fmt: skip


class StBugCheck(Refused):
    """A driver raises nothing in an entry point."""

    id = "bugcheck"
    models = EVERY
    source = "ndisemu: an exception that nobody catches is what an access violation is on Windows"
    why = "NDIS cannot know how far the driver has come, so its adapter is stopped, and what it had is given back."
    code = Code(0xD1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL")


class StStrayError(Refused):
    """What a driver does beside its entry points, in tasks, callbacks, threads or finalizers of its own, raises nothing."""

    id = "stray-error"
    models = EVERY
    source = "ndisemu: asyncio would print it, and nobody would be told that the driver has failed"
    why = "Whatever the task was to do is not done, and everybody goes on as if it were."


class StIllegal(Refused):
    """An operation is made in a state that accepts it."""

    id = "st-illegal"
    models = EVERY
    source = "NDIS reference 5"
    why = "Two sides would go on from different ideas of where they are."


class StEntryReturns(Refused):
    """An entry point that may wait returns within a minute: MiniportInitialize, and that for plug and play events."""

    id = "st-entry-returns"
    models = EVERY
    source = "ndisemu: NDIS waits for either at PASSIVE_LEVEL"
    why = "Whoever starts the device, or has pulled it out, would wait for ever."


class StFaultStuck(Refused):
    """What a scenario does to an adapter comes to an end."""

    id = "fault-stuck"
    models = EVERY
    source = "ndisemu: an obligation of NDIS, which waits for no routine of a driver for ever"
    why = "A run would never end; please report it."
    of_ndis = True


class StStuck(Refused):
    """A binding can close: all of its requests end, and everything that it was lent comes back."""

    id = "stuck"
    models = EVERY
    source = "DDK: NdisCloseAdapterEx"
    why = "A close waits for what is outstanding, and the halt for the close."


class StDriver(Refused):
    """A driver or protocol that a scenario names is there, and can be loaded and made."""

    id = "driver"
    models = EVERY
    source = "ndisemu: a scenario names drivers by their classes"
    why = "Without it there is nothing to run."


class StVerifier(Refused):
    """A rule can look at whatever a driver does."""

    id = "verifier"
    models = EVERY
    source = "ndisemu: an obligation of the verifier"
    why = "A rule that fails has seen nothing; please report it."
    of_ndis = True


class StCfhFast(Rule):
    """A check for hang looks at what is known, and completes and indicates nothing."""

    id = "st-cfh-fast"
    models = ANY
    source = "DDK: MiniportCheckForHangEx"
    why = "It is called every two seconds for every adapter, and its answer alone is wanted."
    advisory = True

    @before(*_HANDS_OVER)
    def handing_over(self, call: Call) -> None:
        """Look whether a check is under way."""
        if self.watch.inside(*_HANG):
            self.broken(f"{call.name} was called from a check for hang; answer TRUE, and do it in the reset")


RULES: Final[tuple[type[Rule], ...]] = (
    StBugCheck,
    StStrayError,
    StIllegal,
    StEntryReturns,
    StFaultStuck,
    StStuck,
    StDriver,
    StVerifier,
    StCfhFast,
)
