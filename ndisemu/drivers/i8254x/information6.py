"""The OIDs that NDIS 6 adds: all statistics in one, interrupt moderation, and the parameters of the link.

Each is a structure that begins with an NDIS_OBJECT_HEADER. The card counts
what the statistics tell, and forgets it when it is read or reset; the sums
are kept here. Its link runs at 1 Gbit/s in both directions at once, and can
be set to nothing else.

Source: NDIS reference 4.5; `ntddndis.h`; 8254x manual 13.7 (statistics), 13.4.18 (ITR).
"""

from struct import Struct
from typing import Final

from ndisemu.drivers.i8254x.information import Information
from ndisemu.hw import registers as reg
from ndisemu.ndis import MediaDuplexState, Oid, OidRequest, RegisterSpace, Status

GIGABIT: Final = 1_000_000_000
# What is moderated where nobody has said how much: an interrupt every 20 microseconds at most.
USUAL_ITR: Final = 20_000

# Type, revision and size; flags or state; the rest.
_STATISTICS: Final = Struct("<BBHI18Q")
_MODERATION: Final = Struct("<BBHII")
_LINK: Final = Struct("<BBHIQQII")
_DEFAULT: Final = 0x80
_REVISION: Final = 1
_ENABLED, _DISABLED = 2, 3
# NDIS_STATISTICS_FLAGS_VALID_*: frames by kind, bytes and errors in both directions, and discards of received frames.
_VALID: Final = 0x7FF
# NDIS_LINK_SPEED_UNKNOWN stands for "negotiate".
_SPEEDS: Final = (GIGABIT, 0xFFFF_FFFF_FFFF_FFFF)
# The order of NDIS_STATISTICS_INFO for one direction: all octets, then frames to one, to a group, to all.
_RECEIVED: Final = (reg.GPRC, reg.MPRC, reg.BPRC)
_SENT: Final = (reg.GPTC, reg.MPTC, reg.BPTC)


class Information6(Information):
    """The answers of one card in NDIS 6; `itr` is how far apart interrupts are kept, in ns."""

    def __init__(self, registers: RegisterSpace, station: bytes, mtu: int, rings: tuple[int, int], itr: int) -> None:
        super().__init__(registers, station, mtu, rings)
        self.itr = itr
        self._moderated = itr or USUAL_ITR
        self._sums: dict[int, int] = dict.fromkeys((*_RECEIVED, *_SENT, reg.GORCL, reg.GOTCL), 0)
        self._answers |= {Oid.GEN_STATISTICS: self._statistics, Oid.GEN_INTERRUPT_MODERATION: self._moderation}

    def set(self, request: OidRequest) -> Status:
        """Take what NDIS 6 sets; all else is as in 5.x."""
        if request.oid is Oid.GEN_INTERRUPT_MODERATION:
            return self._moderate(request.data)
        if request.oid is Oid.GEN_LINK_PARAMETERS:
            return _try_link(request.data)
        return super().set(request)

    def _statistics(self) -> bytes:
        """Return an NDIS_STATISTICS_INFO."""
        sums, counters = self._sums, self.counters
        for register in sums:
            sums[register] += self._registers.read(register)
            if register in {reg.GORCL, reg.GOTCL}:
                sums[register] += self._registers.read(register + 4) << 32
        received, sent = (
            (sums[octets], sums[good] - sums[group] - sums[everybody], sums[group], sums[everybody])
            for octets, (good, group, everybody) in ((reg.GORCL, _RECEIVED), (reg.GOTCL, _SENT))
        )
        errors = counters.receive_errors, counters.send_errors
        header = _DEFAULT, _REVISION, _STATISTICS.size, _VALID
        # Discards of what is to be sent, and octets by kind of frame, are not counted.
        return _STATISTICS.pack(*header, self.no_buffer(), errors[0], *received, *sent, errors[1], *[0] * 7)

    def _moderation(self) -> bytes:
        """Return NDIS_INTERRUPT_MODERATION_PARAMETERS."""
        return _MODERATION.pack(_DEFAULT, _REVISION, _MODERATION.size, 0, _ENABLED if self.itr else _DISABLED)

    def _moderate(self, data: bytes) -> Status:
        if len(data) != _MODERATION.size:
            return Status.INVALID_LENGTH
        *_, wanted = _MODERATION.unpack(data)
        if wanted not in {_ENABLED, _DISABLED}:
            return Status.INVALID_DATA
        self.itr = self._moderated if wanted == _ENABLED else 0
        return Status.SUCCESS


def _try_link(data: bytes) -> Status:
    """Accept NDIS_LINK_PARAMETERS that the link has anyway."""
    if len(data) != _LINK.size:
        return Status.INVALID_LENGTH
    _kind, _revision, _size, duplex, send, receive, _pause, _flags = _LINK.unpack(data)
    if duplex == MediaDuplexState.HALF or send not in _SPEEDS or receive not in _SPEEDS:
        return Status.NOT_SUPPORTED
    return Status.SUCCESS
