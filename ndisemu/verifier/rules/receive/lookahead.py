"""The 5.x way of showing one frame at a time: NdisMEthIndicateReceive, ProtocolReceive, and the transfer of the rest."""

from typing import Final

from ndisemu.verifier.rule import V5, Refused, Rule


class Rx5Lookahead(Refused):
    """An indication shows a whole header, and as much behind it as protocols have asked for."""

    id = "rx5-lookahead"
    models = V5
    source = "DDK: NdisMEthIndicateReceive, OID_GEN_CURRENT_LOOKAHEAD"
    why = "A protocol decides by what it sees whether it wants the frame; it does not ask again."


class Rx5IndicateComplete(Refused):
    """After the last NdisMEthIndicateReceive of a DPC comes an NdisMEthIndicateReceiveComplete."""

    id = "rx5-indicate-complete"
    models = V5
    source = "DDK: NdisMEthIndicateReceiveComplete"
    why = "Protocols note in ProtocolReceive what has come, and work on it when they are told that this was all."


class Rx5TransferData(Refused):
    """A transfer is asked for inside ProtocolReceive, and ends once: by its result, or after PENDING by its completion."""

    id = "rx5-transfer-data"
    models = V5
    source = "seed 000; DDK: NdisTransferData, MiniportTransferData, NdisMTransferDataComplete"
    why = "The packet is the protocol's again with the first end. A second one reports bytes into a packet that is reused."


class Rx5ReceivedPacket(Refused):
    """NdisGetReceivedPacket is called inside ProtocolReceive, for the frame that is shown there."""

    id = "rx5-received-packet"
    models = V5
    source = "DDK: NdisGetReceivedPacket"
    why = "The packet behind the frame is the miniport's again when ProtocolReceive has returned."


class Rx5ReceiveStatus(Refused):
    """ProtocolReceive returns a status: whether the protocol wanted the frame."""

    id = "rx5-receive-status"
    models = V5
    source = "DDK: ProtocolReceive"
    why = "Whatever is left in a register counts as one, and the frame as wanted or not by chance."


RULES: Final[tuple[type[Rule], ...]] = (
    Rx5Lookahead,
    Rx5IndicateComplete,
    Rx5TransferData,
    Rx5ReceivedPacket,
    Rx5ReceiveStatus,
)
