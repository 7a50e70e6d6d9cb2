"""Connection-oriented miniports that break a rule, each beside its mended twin."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.vc import VcMiniport
from ndisemu.errors import RuleViolation
from ndisemu.ndis import Oid, OidRequest, Packet, Status
from ndisemu.ndis.co import CallParameters, VirtualCircuit

CALLS: Final = "calls"


class CreatesLater(VcMiniport):
    """It has to ask its card before it can say whether there is room for a circuit."""

    def co_create_vc(self, vc: VirtualCircuit) -> Status:
        super().co_create_vc(vc)
        return Status.PENDING


class DeletesLater(VcMiniport):
    """It lets its card finish with a circuit first."""

    def co_delete_vc(self, vc: VirtualCircuit) -> Status:
        super().co_delete_vc(vc)
        return Status.PENDING


class RefusesToDelete(VcMiniport):
    """It wants to keep a circuit for the next call."""

    def co_delete_vc(self, vc: VirtualCircuit) -> Status:
        super().co_delete_vc(vc)
        return Status.NOT_ACCEPTED


class DecidesAtOnce(VcMiniport):
    """A circuit is a context, which is there and gone at once; the card comes in with the activation."""


class SaysThatItIsSerialized(VcMiniport):
    """It leaves the locking to NDIS."""

    deserialized = False


class LocksItself(VcMiniport):
    """It locks what it has to itself."""


class KeepsNoContext(VcMiniport):
    """It finds its circuits by their handles, in a table of its own, and leaves nothing in them."""

    def co_create_vc(self, vc: VirtualCircuit) -> Status:
        status = super().co_create_vc(vc)
        self.mine = vc.context
        vc.context = None
        return status

    def co_activate_vc(self, vc: VirtualCircuit, parameters: CallParameters) -> Status:
        vc.context = self.mine
        return super().co_activate_vc(vc, parameters)


class ActivatesTwice(VcMiniport):
    """It answers the activation, and completes it."""

    def co_activate_vc(self, vc: VirtualCircuit, parameters: CallParameters) -> Status:
        status = super().co_activate_vc(vc, parameters)
        self.ndis.schedule_work_item(lambda: self.complete(vc, parameters))
        return status

    def complete(self, vc: VirtualCircuit, parameters: CallParameters) -> None:
        """Complete it."""
        with suppress(RuleViolation):
            self.ndis.co_activate_vc_complete(vc, Status.SUCCESS)


class ActivatesOnce(VcMiniport):
    """The answer is the completion."""


class DeactivatesTwice(VcMiniport):
    """It awaits what is out, and completes the deactivation while it still does."""

    async def co_deactivate_vc(self, vc: VirtualCircuit) -> Status:
        status = await super().co_deactivate_vc(vc)
        with suppress(RuleViolation):
            self.ndis.co_deactivate_vc_complete(vc, Status.SUCCESS)
            self.ndis.co_deactivate_vc_complete(vc, Status.SUCCESS)
        return status


class DeactivatesAtOnce(VcMiniport):
    """It forgets a circuit at once, whatever its client still holds of it."""

    async def co_deactivate_vc(self, vc: VirtualCircuit) -> Status:
        del self.circuits[vc.context.vlan]
        return Status.SUCCESS


class DeactivatesWhenAllIsBack(VcMiniport):
    """It waits for the last packet."""

    async def co_deactivate_vc(self, vc: VirtualCircuit) -> Status:
        return await super().co_deactivate_vc(vc)


class SendsTwice(VcMiniport):
    """It completes what it has sent, and all once more at the end."""

    async def co_send_packets(self, vc: VirtualCircuit, packets: Sequence[Packet]) -> None:
        mine = tuple(packets)
        await super().co_send_packets(vc, packets)
        with suppress(RuleViolation):
            self.ndis.co_send_complete(vc, mine, Status.SUCCESS)


class SendsOnce(VcMiniport):
    """What it has sent it completes burst by burst, and that is all."""


class ForgetsTheCircuit(VcMiniport):
    """It indicates what it has received, and does not say on which circuit."""

    def sort(self, packets: Sequence[Packet]) -> None:
        with suppress(RuleViolation):
            self.ndis.indicate_receive(packets)
        super().sort(packets)


class NamesTheCircuit(VcMiniport):
    """Each frame is indicated on the circuit of its VLAN."""


class IndicatesTooEarly(VcMiniport):
    """A circuit is created, so there may be something for it already."""

    def co_create_vc(self, vc: VirtualCircuit) -> Status:
        status = super().co_create_vc(vc)
        with suppress(RuleViolation):
            self.ndis.co_indicate_receive(vc, self.rx.pool.free[:1])
        return status


class RemembersTheDead(VcMiniport):
    """It tells of a circuit that was deleted."""

    def co_delete_vc(self, vc: VirtualCircuit) -> Status:
        self.dead = vc
        return super().co_delete_vc(vc)

    def halt(self) -> None:
        self.tell(self.dead)
        super().halt()

    def tell(self, vc: VirtualCircuit) -> None:
        """Tell who uses it that it is slower now."""
        with suppress(RuleViolation):
            self.ndis.co_indicate_status(vc, Status.LINK_STATE)


class CompletesForTheDead(RemembersTheDead):
    """It completes the activation of a circuit that was deleted meanwhile."""

    def tell(self, vc: VirtualCircuit) -> None:
        with suppress(RuleViolation):
            self.ndis.co_activate_vc_complete(vc, Status.SUCCESS)


class ForgetsTheDead(VcMiniport):
    """A deleted circuit is forgotten with its context."""


class AnswersTwice(VcMiniport):
    """It answers a request, and completes one that nobody has made."""

    def co_request(self, vc: VirtualCircuit | None, request: OidRequest) -> Status:
        with suppress(RuleViolation):
            self.ndis.co_request_complete(OidRequest.query(Oid.GEN_XMIT_OK, 4), Status.SUCCESS)
        return super().co_request(vc, request)


class AnswersOnce(VcMiniport):
    """The answer is the completion."""


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("co-createvc-sync", CreatesLater, DecidesAtOnce, CALLS),
    Pair("co-deletevc-sync", DeletesLater, DecidesAtOnce, CALLS, ("co-delete-refused",)),
    Pair("co-delete-refused", RefusesToDelete, DecidesAtOnce, CALLS),
    Pair("co-deserialized", SaysThatItIsSerialized, LocksItself, CALLS),
    Pair("co-vc-context", KeepsNoContext, DecidesAtOnce, CALLS),
    Pair("co-activate-complete", ActivatesTwice, ActivatesOnce, CALLS),
    Pair("co-deactivate-complete", DeactivatesTwice, ActivatesOnce, CALLS),
    Pair("co-deactivate-drain", DeactivatesAtOnce, DeactivatesWhenAllIsBack, "calls of a client that keeps packets"),
    Pair("co-send-complete-once", SendsTwice, SendsOnce, CALLS),
    Pair("co-indicate-connectionless", ForgetsTheCircuit, NamesTheCircuit, CALLS),
    Pair("co-activate-before-data", IndicatesTooEarly, NamesTheCircuit, CALLS),
    Pair("co-status-vc", RemembersTheDead, ForgetsTheDead, CALLS),
    Pair("co-vc-handle-stale", CompletesForTheDead, ForgetsTheDead, CALLS),
    Pair("co-oid-complete", AnswersTwice, AnswersOnce, CALLS),
)
