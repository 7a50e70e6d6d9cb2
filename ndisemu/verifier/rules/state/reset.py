"""Resets: how they end, and what has to be as before afterwards."""

from typing import Final, TypeGuard

from ndisemu.frame.ethernet import BROADCAST, format_mac
from ndisemu.ndis import Status
from ndisemu.ndis.constants import PacketFilter
from ndisemu.units import format_time
from ndisemu.verifier.call import Call
from ndisemu.verifier.card import address, lets_in
from ndisemu.verifier.rule import ANY, EVERY, Model, Refused, Rule, before, ended, quiet
from ndisemu.verifier.watch import Watch

_RESET: Final = ("MiniportReset", "MiniportResetEx")
# What a card hears only if it hears every group, or everybody.
_SOME_GROUP: Final = bytes.fromhex("0100 5e7f fffa")
_SOMEBODY: Final = bytes.fromhex("02ff ffff fffe")


class StResetCompleteUnexpected(Refused):
    """NdisMResetComplete answers a reset that is pending, once."""

    id = "st-reset-complete-unexpected"
    models = EVERY
    source = "DDK: NdisMResetComplete"
    why = "NDIS would let sends through to a card in the middle of the next reset."


class StResetStatus(Refused):
    """MiniportReset(Ex) ends with a final status, at once or after PENDING."""

    id = "st-reset-status"
    models = EVERY
    source = "DDK: MiniportResetEx"
    why = "NDIS tells protocols by it whether they may go on."


class StResetFailed(Refused):
    """A reset succeeds."""

    id = "st-reset-failed"
    models = EVERY
    source = "DDK: MiniportResetEx"
    why = "A card that cannot be reset is a card that stays hung."


class StResetPendingLost(Refused):
    """A reset that pends is completed."""

    id = "st-reset-pending-lost"
    models = EVERY
    source = "DDK: MiniportResetEx"
    why = "Until then NDIS refuses every send and every request."


class StReset5dAbort(Refused):
    """A deserialized miniport completes every send that it has before its reset is complete."""

    id = "st-reset-5d-abort"
    models = Model.DESERIALIZED
    source = "seed 000; DDK: MiniportReset"
    why = "Its descriptors are gone with the ring, and nobody would complete the packets any more."


class StResetPendingIo(Refused):
    """Sends and requests are complete before a reset is."""

    id = "st-reset-pending-io-630"
    models = Model.NDIS6
    source = "DDK: MiniportResetEx (NDIS 6.30)"
    why = "Since NDIS 6.30 NDIS begins anew after a reset, and counts on nothing being left."


class StResetAddressing(Refused):
    """What NDIS has set of filters and addresses holds after a reset: the driver sets it anew, or takes it from NDIS again."""

    id = "st-reset-addressing"
    models = EVERY
    source = "DDK: NdisMResetComplete (AddressingReset); MiniportResetEx"
    why = "The card would hear nothing, or everything."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._had: list[bytes] = []
        self._lost: list[bytes] = []
        self._ended = 0

    @before(*_RESET)
    def resetting(self, call: Call) -> None:
        """Remember what the card lets in of what it should, or did before an earlier reset."""
        wanted = self._wanted()
        passes = lets_in(self.watch.adapter, wanted)
        self._had = [address for address in wanted if address in passes or address in self._lost]
        self._lost = []

    @ended(*_RESET)
    def reset(self, call: Call) -> None:
        """Look at the card as the reset has left it; one that pends is completed by a call."""
        status, asks = call.result if _is_pair(call.result) else (call.result, False)
        self._compare(status, asks)

    @before("NdisMResetComplete")
    def completing(self, call: Call) -> None:
        """Look at the card as the reset has left it."""
        if self.watch.adapter.resetting.in_progress:
            self._compare(call.argument("status"), call.argument("addressing_reset", False))

    @quiet
    def look(self) -> None:
        """Report what no late interrupt has brought back either."""
        adapter, lost, self._lost = self.watch.adapter, self._lost, []
        if not lost or adapter.state.current.value != "Running" or adapter.refusal is not None:
            return
        lost = [address for address in self._wanted() if address in lost]
        passes = lets_in(adapter, lost)
        lost = [address for address in lost if address not in passes]
        if lost:
            more = f" ({len(lost)} addresses in all)" if len(lost) > 1 else ""
            self.broken(
                f"since the reset that ended at {format_time(self._ended)} the card of {adapter.name} takes no frames to "
                f"{format_mac(lost[0])}{more}, which it took before, and which NDIS has asked for; set filter and multicast "
                "list anew before the reset is complete, or have NDIS do so with AddressingReset"
            )

    def _compare(self, status: object, asks: object) -> None:
        had, self._had = self._had, []
        if status is Status.SUCCESS and not asks and had:
            passes = lets_in(self.watch.adapter, had)
            self._lost = [address for address in had if address not in passes]
            self._ended = self.watch.kernel.local_time()

    def _wanted(self) -> list[bytes]:
        """Return addresses to which frames have to come in, one for each kind that the miniport was told."""
        adapter = self.watch.adapter
        types, multicast = adapter.requests.filters.types, adapter.requests.filters.multicast
        kinds = (
            (PacketFilter.DIRECTED, (adapter.station_address,)),
            (PacketFilter.BROADCAST, (BROADCAST,)),
            (PacketFilter.MULTICAST, multicast),
            (PacketFilter.ALL_MULTICAST, (_SOME_GROUP,)),
            (PacketFilter.PROMISCUOUS, (_SOMEBODY,)),
        )
        return [address for kind, addresses in kinds if types & kind for address in addresses]


class StResetStationAddress(Rule):
    """The station address is the same after a reset."""

    id = "st-reset-station-address"
    models = ANY
    source = "DDK: MiniportResetEx"
    why = "Frames for the address that protocols know would be filtered out."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._before: tuple[int, int] | None = None

    @before(*_RESET)
    def resetting(self, call: Call) -> None:
        """Remember what the card filters by."""
        self._before = address(self.watch.adapter)

    @ended(*_RESET)
    def reset(self, call: Call) -> None:
        """Compare."""
        now = address(self.watch.adapter)
        succeeded = call.result is Status.SUCCESS or (_is_pair(call.result) and call.result[0] is Status.SUCCESS)
        if succeeded and self._before is not None and now is not None and now != self._before:
            self.broken(
                f"{call.name} has changed the card's station address from {self._before[0]:#x}, {self._before[1]:#x} to "
                f"{now[0]:#x}, {now[1]:#x}; restore it"
            )


def _is_pair(result: object) -> TypeGuard[tuple[object, object]]:
    """Whether a reset has ended with a status and AddressingReset."""
    return isinstance(result, tuple) and len(result) == 2


RULES: Final[tuple[type[Rule], ...]] = (
    StResetCompleteUnexpected,
    StResetStatus,
    StResetFailed,
    StResetPendingLost,
    StReset5dAbort,
    StResetPendingIo,
    StResetAddressing,
    StResetStationAddress,
)
