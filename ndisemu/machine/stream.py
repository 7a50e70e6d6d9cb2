"""A NIC without a card: an adapter whose miniport has a WDM lower edge, and the device below it."""

import asyncio
from collections.abc import Callable, Coroutine

from ndisemu.errors import UsageError
from ndisemu.link import StreamDevice, dial, listen
from ndisemu.ndis import Adapter


class StreamSlot:
    """A stream NIC in a host, with its adapter and the device that carries its frames.

    `Emulation.connect_streams` joins two of one process. `listen` and `dial`
    reach another emulation through a unix socket; QEMU's `-netdev stream`
    speaks the same way.
    """

    def __init__(self, device: StreamDevice, adapter: Adapter, mac: bytes) -> None:
        self.device = device
        self.adapter = adapter
        self.mac = mac
        self._claimed = False
        # Two tasks that need the adapter start it once.
        self.starting = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<StreamSlot {self.name}: {self.adapter!r}, {self.device!r}>"

    @property
    def name(self) -> str:
        """Host and NIC, such as `a.eth0`."""
        return self.device.name

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
