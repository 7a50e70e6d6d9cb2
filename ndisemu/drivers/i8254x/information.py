"""The OIDs of the 82540EM: the table of every Ethernet miniport, and what only the card's registers can tell."""

from ndisemu.drivers import information
from ndisemu.hw import registers as reg
from ndisemu.ndis import MediaState
from ndisemu.ndis.v5 import RegisterSpace


class Information(information.Information):
    """The answers of one card; `rings` are the sizes of its transmit and receive ring."""

    def __init__(self, registers: RegisterSpace, station: bytes, mtu: int, rings: tuple[int, int]) -> None:
        super().__init__(station, mtu, rings, b"ndisemu 82540EM")
        self._registers = registers

    def no_buffer(self) -> int:
        """Frames that found the receive ring empty."""
        # The card's counter starts again whenever it is read; the OID's never does.
        self.counters.no_buffer += self._registers.read(reg.RNBC)
        return self.counters.no_buffer

    def media_state(self) -> MediaState:
        """The card's link."""
        up = self._registers.read(reg.STATUS) & reg.STATUS_LU
        return MediaState.CONNECTED if up else MediaState.DISCONNECTED
