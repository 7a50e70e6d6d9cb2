"""What the calls of connection-oriented NDIS carry: address families, SAPs and call parameters.

An address family and a SAP are compared by value. Call parameters go in and
out: whoever completes a call may change them, and says so with
`CallFlag.CALL_PARAMETERS_CHANGED`. NDIS looks at none of it but the address
family; a medium's own part is bytes that driver and call manager agree on.

Not here: parties of point-to-multipoint calls.

Source: NDIS reference 6.1.
"""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag, unique
from typing import Final

NOT_SPECIFIED: Final = 0xFFFFFFFF
"""QOS_NOT_SPECIFIED: a number of a flow that nobody cares about."""


@unique
class FamilyId(IntEnum):
    """CO_ADDRESS_FAMILY_*: which signalling a call manager speaks (`ndis.h`)."""

    Q2931 = 0x1
    PSCHED = 0x2
    L2TP = 0x3
    IRDA = 0x4
    E1394 = 0x5
    PPP = 0x6
    INFINIBAND = 0x7
    TAPI = 0x800
    TAPI_PROXY = 0x801


@unique
class CallFlag(IntFlag):
    """`Flags` of CO_CALL_PARAMETERS (`ndis.h`)."""

    PERMANENT_VC = 0x1
    CALL_PARAMETERS_CHANGED = 0x2
    QUERY_CALL_PARAMETERS = 0x4
    BROADCAST_VC = 0x8
    MULTIPOINT_VC = 0x10


@unique
class MediaFlag(IntFlag):
    """`Flags` of CO_MEDIA_PARAMETERS (`ndis.h`)."""

    RECEIVE_TIME_INDICATION = 0x1
    USE_TIME_STAMPS = 0x2
    TRANSMIT_VC = 0x4
    RECEIVE_VC = 0x8
    INDICATE_ERRED_PACKETS = 0x10
    INDICATE_END_OF_TX = 0x20
    RESERVE_RESOURCES_VC = 0x40
    ROUND_DOWN_FLOW = 0x80
    ROUND_UP_FLOW = 0x100


@dataclass(frozen=True, slots=True)
class AddressFamilyId:
    """`CO_ADDRESS_FAMILY`: a family and its version."""

    family: int
    major: int = 1
    minor: int = 0


@dataclass(frozen=True, slots=True)
class CoSap:
    """`CO_SAP`: what kind of address, and the address at which calls are taken."""

    sap_type: int
    sap: bytes


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """`FLOWSPEC`: one direction of a call; rates in bytes a second, times in microseconds."""

    token_rate: int = NOT_SPECIFIED
    token_bucket_size: int = NOT_SPECIFIED
    peak_bandwidth: int = NOT_SPECIFIED
    latency: int = NOT_SPECIFIED
    delay_variation: int = NOT_SPECIFIED
    service_type: int = 0
    max_sdu_size: int = NOT_SPECIFIED
    minimum_policed_size: int = NOT_SPECIFIED


@dataclass(frozen=True, slots=True)
class CallManagerParameters:
    """`CO_CALL_MANAGER_PARAMETERS`: both directions, and what is the call manager's own."""

    transmit: FlowSpec = FlowSpec()
    receive: FlowSpec = FlowSpec()
    specific: bytes = b""


@dataclass(frozen=True, slots=True)
class MediaParameters:
    """`CO_MEDIA_PARAMETERS`: what the miniport needs, and what is its medium's own."""

    flags: MediaFlag = MediaFlag.TRANSMIT_VC | MediaFlag.RECEIVE_VC
    receive_priority: int = 0
    receive_size_hint: int = 0
    specific: bytes = b""


NO_FLAGS: Final = CallFlag(0)


@dataclass(slots=True)
class CallParameters:
    """`CO_CALL_PARAMETERS`, which go in and out of a call."""

    flags: CallFlag = NO_FLAGS
    manager: CallManagerParameters = field(default_factory=CallManagerParameters)
    media: MediaParameters = field(default_factory=MediaParameters)
