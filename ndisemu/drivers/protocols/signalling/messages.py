"""What the small call manager puts on the cable, and what its clients dial.

A message is one Ethernet frame with the experimental EtherType: a kind, the
VLAN of the call it is about, a status, and data behind its length. Clients
dial a station, a SAP there and a note to whoever takes the call, which is
the call manager's own part of the call parameters.
"""

from enum import IntEnum
from struct import Struct, error
from typing import Final, NamedTuple

from ndisemu.frame.ethernet import ADDRESS, HEADER
from ndisemu.ndis import Status
from ndisemu.ndis.co import CallManagerParameters, CallParameters

ETHERTYPE: Final = b"\x88\xb6"
LONGEST: Final = 200
"""How many bytes of data a message carries at the most."""

# Kind, VLAN, status, length of the data.
_LAYOUT: Final = Struct(">BHIB")


class Kind(IntEnum):
    """What a message says of its call."""

    SETUP = 1
    ACCEPT = 2
    REFUSE = 3
    CONNECTED = 4
    RELEASE = 5
    RELEASED = 6


class Message(NamedTuple):
    """One message of the signalling protocol."""

    kind: Kind
    vlan: int
    status: Status = Status.SUCCESS
    data: bytes = b""

    def frame(self, destination: bytes, source: bytes) -> bytes:
        """Return the message as a frame; data that is too long is cut."""
        data = self.data[:LONGEST]
        return destination + source + ETHERTYPE + _LAYOUT.pack(self.kind, self.vlan, self.status, len(data)) + data

    @classmethod
    def parse(cls, frame: bytes) -> "Message | None":
        """Return the message in a frame; None if there is none."""
        body = frame[HEADER:]
        try:
            kind, vlan, status, length = _LAYOUT.unpack_from(body)
            message = cls(Kind(kind), vlan, Status(status), body[_LAYOUT.size : _LAYOUT.size + length])
        except (error, ValueError):
            return None
        return message if frame[HEADER - 2 : HEADER] == ETHERTYPE and len(message.data) == length else None


class Dialled(NamedTuple):
    """Whom a client calls, and what it has to say."""

    station: bytes
    sap: bytes
    note: bytes = b""

    def encode(self) -> bytes:
        """Return it as the call manager's own part of call parameters."""
        return self.station + bytes((len(self.sap),)) + self.sap + self.note

    def parameters(self) -> CallParameters:
        """Return the parameters of a call to it."""
        return CallParameters(manager=CallManagerParameters(specific=self.encode()))

    @classmethod
    def decode(cls, data: bytes) -> "Dialled | None":
        """Read what `encode` returned; None if it is anything else."""
        if len(data) <= ADDRESS or len(data) > LONGEST or len(data) < ADDRESS + 1 + data[ADDRESS]:
            return None
        end = ADDRESS + 1 + data[ADDRESS]
        return cls(data[:ADDRESS], data[ADDRESS + 1 : end], data[end:])
