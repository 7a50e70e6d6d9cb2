"""A 5.x binding over an NDIS 6 adapter: packets become lists on the way down, lists packets on the way up.

Each packet is one NET_BUFFER_LIST of one NET_BUFFER over the packet's own
buffers. What comes up is a packet for each frame of a list, which keeps the
list until the protocol has returned the last reference of the last of them.
With NDIS_RECEIVE_FLAGS_RESOURCES the packets say NDIS_STATUS_RESOURCES, so
the protocol is shown them in ProtocolReceive.

Not here: a pause that the protocol hears of, which 5.x does not know. While
the adapter is paused its sends end with NDIS_STATUS_ADAPTER_NOT_READY.

Source: NDIS reference 5.3 to 5.6 and 8.1.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.sendbook import SendBook
from ndisemu.ndis.status import Status
from ndisemu.ndis.translate.descriptors import ListStock, PacketStock
from ndisemu.ndis.translate.statuses import to_5
from ndisemu.ndis.v5.edges import PacketUpper
from ndisemu.ndis.v5.receive import ReceivePath
from ndisemu.ndis.v6.flags import ReceiveFlag

if TYPE_CHECKING:
    from ndisemu.ndis.v5.binding import Binding
    from ndisemu.ndis.v6.adapter import NblAdapter

_RESOURCES: Final = int(ReceiveFlag.RESOURCES)
_BY_STATUS: Final = attrgetter("status")


class PacketsOverLists:
    """The translator of one 5.x binding: `v5.edges.PacketLower` to it, `v6.edges.NblUpper` to the adapter.

    `uppers` is that binding alone: whom the path of received packets offers them to.
    """

    def __init__(self, binding: "Binding", adapter: "NblAdapter") -> None:
        self.name = binding.name
        self.filter = binding.filter
        self.sends_pending = 0
        self.receives_held = 0
        self.uppers: list[PacketUpper] = [binding]
        self._binding = binding
        self._adapter = adapter
        self._sent = SendBook(adapter, self.name, "NdisMSendNetBufferListsComplete")
        self._received = ReceivePath(adapter, self, serialized=False)
        self._lists = ListStock(adapter.library, self.name)
        self._packets = PacketStock(adapter.library, self.name)

    def __repr__(self) -> str:
        return f"{self.name} (translated)"

    # Below the binding.

    def submit(self, upper: PacketUpper, packets: Sequence[Packet]) -> None:
        """Send an array, as a list for each packet."""
        packets = tuple(packets)
        self._sent.take_over(upper, packets)
        self._adapter.submit(self, [self._lists.describe(packet, self) for packet in packets], 0, 0)

    def send(self, upper: PacketUpper, packet: Packet) -> Status:
        """Send one packet, which always comes back by `sends_completed`, as NDIS 6 sends do."""
        self.submit(upper, (packet,))
        return Status.PENDING

    def cancel(self, upper: PacketUpper, cancel_id: int) -> None:
        """Pass the wish on; the lists bear their packets' ids."""
        self._adapter.cancel(self, cancel_id)

    def refuse(self, upper: PacketUpper, packets: Sequence[Packet]) -> None:
        """Complete an array with CLOSING, unsent."""
        self._sent.take_over(upper, packets)
        self._sent.give_back(packets)
        upper.sends_completed(packets, Status.CLOSING)

    def release(self, packets: Sequence[Packet]) -> None:
        """Drop one reference of each packet."""
        self._received.release(packets)

    # Above the adapter.

    def sends_completed(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Complete the packets of these lists, in their order."""
        self.sends_pending -= len(nbls)
        for status, run in groupby(nbls, key=_BY_STATUS):
            packets = [packet for nbl in run if (packet := self._lists.take_back(nbl)) is not None]
            self._sent.give_back(packets)
            self._binding.sends_completed(packets, to_5(status))

    def received(self, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Indicate every frame as a packet."""
        starved = bool(flags & _RESOURCES)
        packets = []
        for nbl in nbls:
            nbl.references = len(nbl.buffers)
            for frame in nbl.buffers:
                packet = self._packets.describe(frame, self._adapter)
                if starved:
                    packet.status = Status.RESOURCES
                packets.append(packet)
        self._received.indicate(packets)
        if starved:
            for packet in packets:
                self._packets.take_back(packet)

    # Below the path of received packets (`v5.receive.Lender`).

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Return the lists whose last packet has come back."""
        nbls = []
        for packet in packets:
            nbl = self._packets.take_back(packet)
            if nbl is not None:
                nbl.references -= 1
                if not nbl.references:
                    nbls.append(nbl)
        if nbls:
            self._adapter.release(self, nbls, 0)

    def close(self) -> None:
        """The binding is gone, and nothing is out any more."""
        self._lists.close()
        self._packets.close()
