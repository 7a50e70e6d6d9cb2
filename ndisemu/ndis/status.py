"""NDIS_STATUS: what an entry point returns and a completion says.

The names are Microsoft's without the NDIS_STATUS_ prefix, the values those of
`ndis.h`. Two families look alike and differ: 0xC001xxxx is NDIS 5's own
facility, 0xC023xxxx the one NDIS 6 shares with NTSTATUS, so a cancelled send
is REQUEST_ABORTED in 5.x and SEND_ABORTED in 6.

Not here: a test for "success" by severity bits, as NT_SUCCESS does it. Both
PENDING and NOT_ACCEPTED would pass; drivers compare with SUCCESS.
"""

from enum import IntEnum, unique


@unique
class Status(IntEnum):
    """NDIS_STATUS, by Microsoft's names and values (`ndis.h`, `ntstatus.h`).

    `str()` gives the full name, `NDIS_STATUS_PENDING`.
    """

    SUCCESS = 0x00000000  # Done; no completion will follow.
    PENDING = 0x00000103  # A completion will follow, exactly once.

    NOT_RECOGNIZED = 0x00010001  # The request was not understood.
    NOT_COPIED = 0x00010002  # The lookahead was not copied.
    NOT_ACCEPTED = 0x00010003  # Refused: a frame not ours, a set not taken, a device gone.
    CALL_ACTIVE = 0x00010007  # The call is active already.

    # Indications, not answers: they travel up through NdisMIndicateStatus.
    ONLINE = 0x40010003  # The adapter is on line.
    RESET_START = 0x40010004  # A reset has begun.
    RESET_END = 0x40010005  # A reset is over.
    CLOSED = 0x40010007  # The adapter was closed.
    MEDIA_CONNECT = 0x4001000B  # The link came up (5.x).
    MEDIA_DISCONNECT = 0x4001000C  # The link went down (5.x).
    INTERFACE_UP = 0x4001000F  # The interface came up.
    INTERFACE_DOWN = 0x40010010  # The interface went down.
    MEDIA_SPECIFIC_INDICATION = 0x40010012  # The medium defines the buffer.
    LINK_SPEED_CHANGE = 0x40010013  # The link changed its speed (5.x).
    LINK_STATE = 0x40010017  # The link changed; the buffer is an NDIS_LINK_STATE (6).
    NETWORK_CHANGE = 0x40010018  # The adapter may be in another network now (6).
    PORT_STATE = 0x40010022  # A port changed its state (6).
    OPER_STATUS = 0x40010023  # The operational status changed (6).
    PACKET_FILTER = 0x40010024  # The packet filter changed (6).
    INDICATION_REQUIRED = 0x40230001  # The result of a request arrives as an indication (6).

    # Warnings.
    BUFFER_OVERFLOW = 0x80000005  # The data did not fit and was cut.
    NOT_RESETTABLE = 0x80010001  # The hardware cannot be reset.
    SOFT_ERRORS = 0x80010003  # The reset met errors that a retry may cure.
    HARD_ERRORS = 0x80010004  # The reset met errors that stay.

    # Errors with the values of NTSTATUS.
    FAILURE = 0xC0000001  # Failed for no more specific reason.
    INVALID_PARAMETER = 0xC000000D  # An argument is wrong (6).
    INVALID_DEVICE_REQUEST = 0xC0000010  # The device has no such operation.
    RESOURCES = 0xC000009A  # Out of resources; special in serialized sends and 5.x receives.
    NOT_SUPPORTED = 0xC00000BB  # Not supported.
    INVALID_STATE = 0xC0000184  # Not possible in the current state (6).
    NETWORK_UNREACHABLE = 0xC000023C  # No way to that network.

    # Errors of NDIS 5's facility, still used by NDIS 6.
    CLOSING = 0xC0010002  # The binding is closing.
    BAD_VERSION = 0xC0010004  # Registration: a version NDIS does not know.
    BAD_CHARACTERISTICS = 0xC0010005  # Registration: characteristics that do not fit the version.
    ADAPTER_NOT_FOUND = 0xC0010006  # No such adapter.
    OPEN_FAILED = 0xC0010007  # Opening the adapter failed.
    DEVICE_FAILED = 0xC0010008  # The hardware failed.
    MULTICAST_FULL = 0xC0010009  # The multicast list is full.
    MULTICAST_EXISTS = 0xC001000A  # The multicast address is in the list already.
    MULTICAST_NOT_FOUND = 0xC001000B  # The multicast address is not in the list.
    REQUEST_ABORTED = 0xC001000C  # A request or 5.x send was aborted by reset, cancel or close.
    RESET_IN_PROGRESS = 0xC001000D  # A reset is under way.
    CLOSING_INDICATING = 0xC001000E  # The binding closes while it is being indicated to.
    INVALID_PACKET = 0xC001000F  # The packet is malformed.
    OPEN_LIST_FULL = 0xC0010010  # No room for another binding.
    ADAPTER_NOT_READY = 0xC0010011  # The adapter is not ready.
    ADAPTER_NOT_OPEN = 0xC0010012  # The adapter is not open.
    NOT_INDICATING = 0xC0010013  # Nothing is being indicated.
    INVALID_LENGTH = 0xC0010014  # The length does not fit the request.
    INVALID_DATA = 0xC0010015  # The data does not fit the request.
    BUFFER_TOO_SHORT = 0xC0010016  # The buffer is too short for the answer.
    INVALID_OID = 0xC0010017  # No such OID here.
    ADAPTER_REMOVED = 0xC0010018  # The adapter was removed.
    UNSUPPORTED_MEDIA = 0xC0010019  # None of the media offered is ours.
    GROUP_ADDRESS_IN_USE = 0xC001001A  # The group address is in use.
    FILE_NOT_FOUND = 0xC001001B  # NdisOpenFile: no such file.
    ERROR_READING_FILE = 0xC001001C  # NdisOpenFile: the file cannot be read.
    ALREADY_MAPPED = 0xC001001D  # NdisMapFile: the file is mapped already.
    RESOURCE_CONFLICT = 0xC001001E  # Another device claims the same hardware resource.
    NO_CABLE = 0xC001001F  # A 5.x send found no link.

    # Connection-oriented NDIS.
    INVALID_SAP = 0xC0010020  # The service access point is malformed.
    SAP_IN_USE = 0xC0010021  # The service access point is taken.
    INVALID_ADDRESS = 0xC0010022  # The address is malformed.
    VC_NOT_ACTIVATED = 0xC0010023  # The virtual circuit is not active.
    DEST_OUT_OF_ORDER = 0xC0010024  # The destination does not work.
    VC_NOT_AVAILABLE = 0xC0010025  # No virtual circuit is free.
    CELLRATE_NOT_AVAILABLE = 0xC0010026  # The cell rate asked for cannot be had.
    INCOMPATABLE_QOS = 0xC0010027  # The quality of service does not fit (the spelling is Microsoft's).
    AAL_PARAMS_UNSUPPORTED = 0xC0010028  # The ATM adaptation parameters are not supported.
    NO_ROUTE_TO_DESTINATION = 0xC0010029  # No route to the destination.

    # Errors of NDIS 6's facility.
    SEND_ABORTED = 0xC023000C  # The send was cancelled.
    MEDIA_DISCONNECTED = 0xC023001F  # The link is down.
    PAUSED = 0xC023002A  # The adapter is paused.
    INTERFACE_NOT_FOUND = 0xC023002B  # No such interface.
    UNSUPPORTED_REVISION = 0xC023002C  # A structure has a revision NDIS does not know.
    INVALID_PORT = 0xC023002D  # No such port.
    INVALID_PORT_STATE = 0xC023002E  # The port is in the wrong state.
    LOW_POWER_STATE = 0xC023002F  # The adapter sleeps.

    def __str__(self) -> str:
        return f"NDIS_STATUS_{self.name}"


def is_failure(answer: object) -> bool:
    """Whether a driver's answer says that something has failed; what is no status, or not final, does not say so."""
    return isinstance(answer, Status) and answer is not Status.SUCCESS and answer is not Status.PENDING
