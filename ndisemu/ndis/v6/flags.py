"""The flags and actions of NDIS 6 calls, by Microsoft's names and values.

On the data path flags travel as plain integers: a member of these classes is
one, and `|` and `&` of integers cost a tenth of what those of flags do.

Source: NDIS reference 1.4, 2.2 and 4.3.
"""

from enum import IntEnum, IntFlag, unique


@unique
class SendFlag(IntFlag):
    """NDIS_SEND_FLAGS_*."""

    DISPATCH_LEVEL = 0x1
    CHECK_FOR_LOOPBACK = 0x2
    SINGLE_QUEUE = 0x4


@unique
class SendCompleteFlag(IntFlag):
    """NDIS_SEND_COMPLETE_FLAGS_*."""

    DISPATCH_LEVEL = 0x1
    SINGLE_QUEUE = 0x2


@unique
class ReceiveFlag(IntFlag):
    """NDIS_RECEIVE_FLAGS_*; RESOURCES means that the lists are the miniport's again when the call returns."""

    DISPATCH_LEVEL = 0x1
    RESOURCES = 0x2
    SINGLE_ETHER_TYPE = 0x100
    SINGLE_VLAN = 0x200
    PERFECT_FILTERED = 0x400
    SINGLE_QUEUE = 0x800
    MORE_NBLS = 0x2000


@unique
class ReturnFlag(IntFlag):
    """NDIS_RETURN_FLAGS_*."""

    DISPATCH_LEVEL = 0x1
    SINGLE_QUEUE = 0x2


@unique
class HaltAction(IntEnum):
    """NDIS_HALT_ACTION: why an adapter is halted."""

    DEVICE_DISABLED = 0
    DEVICE_INSTANCE_DE_INITIALIZED = 1
    DEVICE_POWERED_DOWN = 2
    DEVICE_SURPRISE_REMOVED = 3
    DEVICE_FAILED = 4
    DEVICE_INITIALIZATION_FAILED = 5
    DEVICE_STOPPED = 6


@unique
class ShutdownAction(IntEnum):
    """NDIS_SHUTDOWN_ACTION: why the machine goes down."""

    POWER_OFF = 0
    BUG_CHECK = 1


@unique
class RegistrationFlag(IntFlag):
    """NDIS_MINIPORT_ATTRIBUTES_*: the AttributeFlags of the registration attributes."""

    HARDWARE_DEVICE = 0x1
    NDIS_WDM = 0x2
    SURPRISE_REMOVE_OK = 0x4
    NOT_CO_NDIS = 0x8
    DO_NOT_BIND_TO_ALL_CO = 0x10
    NO_HALT_ON_SUSPEND = 0x20
    BUS_MASTER = 0x40
    CONTROLS_DEFAULT_PORT = 0x80
    NO_PAUSE_ON_SUSPEND = 0x100
    NO_OID_INTERCEPT_ON_NONDEFAULT_PORTS = 0x200
    REGISTER_BUGCHECK_CALLBACK = 0x400
