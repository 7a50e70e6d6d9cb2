"""What a serialized miniport answers when it is given packets to send; NDIS keeps these rules itself."""

from typing import Final

from ndisemu.verifier.rule import V5, Model, Refused, Rule


class SendSyncStatusThenComplete(Refused):
    """What a serialized miniport has ended by the status that it answers, it does not complete as well."""

    id = "send-sync-status-then-complete"
    models = Model.SERIALIZED
    source = "seed 000; DDK: Packet Ownership"
    why = (
        "Any answer but NDIS_STATUS_PENDING gives the packet back at once. By the time of the completion its protocol "
        "may be filling it for the next send."
    )


class SendSyncStatusValid(Refused):
    """MiniportSend returns how the send ended, NDIS_STATUS_PENDING or, if it is serialized, NDIS_STATUS_RESOURCES."""

    id = "send-sync-status-valid"
    models = V5
    source = "seed 000; DDK: MiniportSend"
    why = "The return value decides whose the packet is. Of anything else NDIS cannot tell who has to give it back."


class SendOobStatusSet(Refused):
    """A serialized MiniportSendPackets sets the status of every packet before it returns, up to the first RESOURCES."""

    id = "send-oob-status-set-before-return"
    models = Model.SERIALIZED
    source = "DDK: Multipacket Sends; NDIS_SET_PACKET_STATUS"
    why = "A packet without an answer has whatever status its last use has left there, and is freed or waited for by chance."


class SendResourcesTail(Refused):
    """A serialized miniport that answers a packet with NDIS_STATUS_RESOURCES takes none behind it in the array."""

    id = "send-resources-tail-untouched"
    models = Model.SERIALIZED
    source = "DDK: Packet Ownership; NdisMSendResourcesAvailable"
    why = "NDIS queues that packet and all behind it, and gives them again. What was taken nevertheless is sent twice."


class SendResourcesRelinquish(Refused):
    """A packet that was answered with NDIS_STATUS_RESOURCES is not completed until it has been given again."""

    id = "send-resources-relinquish"
    models = Model.SERIALIZED
    source = "DDK: Packet Ownership"
    why = "It is in the queue of NDIS, which would go on to send a packet that its protocol has back."


class SendReturn(Refused):
    """A 5.x send entry that ends later than it was called returns nothing, or how its packets have ended."""

    id = "send-return"
    models = V5 | Model.CIRCUITS
    source = "ndisemu: coroutines as entry points"
    why = "Nobody can complete a packet with a value that is no final status, so what is left of the call fails."


RULES: Final[tuple[type[Rule], ...]] = (
    SendSyncStatusThenComplete,
    SendSyncStatusValid,
    SendOobStatusSet,
    SendResourcesTail,
    SendResourcesRelinquish,
    SendReturn,
)
