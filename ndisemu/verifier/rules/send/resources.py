"""What a miniport does when it has no room: the serialized one says so, the deserialized one queues."""

from typing import Final

from ndisemu.ndis.v5.serialized import SerializedSends
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import Model, Refused, Rule, before

_ENTRIES: Final = ("MiniportSend", "MiniportSendPackets")


class SendResourcesAvailableSpurious(Rule):
    """A serialized miniport calls NdisMSendResourcesAvailable only to take NDIS_STATUS_RESOURCES back."""

    id = "send-resources-available-spurious"
    models = Model.SERIALIZED
    source = "DDK: NdisMSendResourcesAvailable"
    why = "Where nothing was refused there is nothing to resume; each such call makes NDIS look at its queue in vain."
    advisory = True

    @before("NdisMSendResourcesAvailable")
    def available(self, call: Call) -> None:
        """Look whether anything was refused."""
        sends = self.watch.adapter.sends
        if isinstance(sends, SerializedSends) and sends.gate_open and self.watch.inside(*_ENTRIES) is None:
            self.broken(
                f"{self.watch.adapter.name} called {call.name} without having answered a packet with "
                "NDIS_STATUS_RESOURCES before; call it after that, when there is room again"
            )


class SendResourcesAvailableDeserialized(Refused):
    """A deserialized miniport does not call NdisMSendResourcesAvailable."""

    id = "send-resources-available-deserialized"
    models = Model.DESERIALIZED
    source = "seed 001"
    why = "NDIS keeps no queue for it that could be resumed; what it cannot transmit yet waits in its own."


class SendResourcesSyncDeserialized(Refused):
    """A deserialized miniport does not return NDIS_STATUS_RESOURCES from MiniportSend."""

    id = "send-resources-sync-deserialized"
    models = Model.DESERIALIZED
    source = "seeds 001 and 003; DDK: MiniportSend"
    why = "Nobody sends the packet again: for the protocol this is a send that has failed."


class SendCompleteResources5d(Refused):
    """A deserialized miniport does not complete a packet with NDIS_STATUS_RESOURCES."""

    id = "send-complete-resources-5d"
    models = Model.DESERIALIZED
    source = "seed 001"
    why = "It is meant as a request to try again, and taken as a failure: the frame is lost under load."


class SendCompleteResources(Refused):
    """A serialized miniport answers with NDIS_STATUS_RESOURCES, and does not complete with it."""

    id = "send-complete-resources"
    models = Model.SERIALIZED
    source = "ndisemu: the serialized send path"
    why = "The packet was accepted, so NDIS has no place in its queue to put it back to."


RULES: Final[tuple[type[Rule], ...]] = (
    SendResourcesAvailableSpurious,
    SendResourcesAvailableDeserialized,
    SendResourcesSyncDeserialized,
    SendCompleteResources5d,
    SendCompleteResources,
)
