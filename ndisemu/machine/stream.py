"""A NIC without a card: an adapter whose miniport has a WDM lower edge, and the device below it."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from ndisemu.errors import UsageError
from ndisemu.frame.ethernet import HEADER
from ndisemu.link import StreamDevice, dial, listen
from ndisemu.machine.slot import BaseSlot, Hook, WireCounts, both
from ndisemu.ndis import Adapter

if TYPE_CHECKING:
    from ndisemu.machine.host import Host


class StreamSlot(BaseSlot):
    """A stream NIC in a host, with its adapter and the device that carries its frames.

    `Emulation.connect_streams` joins two of one process. `listen` and `dial`
    reach another emulation through a unix socket; QEMU's `-netdev stream`
    speaks the same way.
    """

    below = "stream"
    shortest = HEADER
    rate: int | None = None

    def __init__(self, host: "Host", device: StreamDevice, adapter: Adapter, mac: bytes) -> None:
        super().__init__(host, device.name, adapter, mac)
        self.device = device
        self._claimed = False

    def __repr__(self) -> str:
        return f"<StreamSlot {self.name}: {self.adapter!r}, {self.device!r}>"

    def expects_frames(self) -> bool:
        """Whether frames are on their way: those that are in a stream have no time yet."""
        return False

    def count(self) -> WireCounts:
        """Count what the device has carried."""
        device = self.device
        return WireCounts(
            frames_out=device.frames_out,
            bytes_out=device.bytes_out,
            too_long=0,
            frames_in=device.frames_in,
            kept=device.delivered + device.waiting,
            drops={"oversize": device.cut},
            posted=device.reading,
            interrupts=0,
        )

    def record(self, sent: Hook | None, received: Hook | None, placed: Hook | None = None) -> None:
        """Let the device tell, whose driver gets all that comes."""
        device = self.device
        device.sent, device.received = both(device.sent, sent), both(both(device.received, received), placed)

    async def listen(self, path: str) -> None:
        """Listen at a unix socket for one peer; returns as soon as somebody can dial."""
        spawn = self.claim()
        try:
            spawn(await listen(path, self.device.attach), f"{self.name} listens")
        except UsageError:
            self._claimed = False
            raise

    async def dial(self, path: str) -> None:
        """Connect to the unix socket at which the peer listens."""
        self.claim()
        try:
            self.device.attach(await dial(path))
        except UsageError:
            self._claimed = False
            raise

    def claim(self) -> Callable[[Coroutine[object, object, object], str], object]:
        """Take the one stream this NIC may have; returns what starts the tasks that carry it."""
        spawn = self.adapter.kernel.spawn
        if self._claimed:
            raise UsageError(f"{self.name} has its stream already: {self.device!r}")
        if spawn is None:
            raise UsageError(f"{self.name} can be connected only inside `async with Emulation()`")
        self._claimed = True
        return spawn
