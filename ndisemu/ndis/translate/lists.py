"""An NDIS 6 binding over a 5.x adapter: lists become packets on the way down, packets lists on the way up.

Each frame of a list is one packet; the list has ended when the last of them
has, with the status of the first that failed. What comes up is a list of one
frame over the packet's buffers, which holds one reference of the packet
until the protocol returns it. Packets that the miniport wants back at once
are shown with NDIS_RECEIVE_FLAGS_RESOURCES. A frame of which a 5.x miniport
shows only the beginning is fetched whole first.

Source: NDIS reference 5.3 to 5.6 and 8.1.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.constants import ProtocolOption
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.sendbook import SendBook
from ndisemu.ndis.status import Status
from ndisemu.ndis.translate.descriptors import ListStock, PacketStock
from ndisemu.ndis.translate.statuses import to_6
from ndisemu.ndis.translate.wholeframes import WholeFrames
from ndisemu.ndis.v5.context import ReceiveContext
from ndisemu.ndis.v5.edges import PacketLower
from ndisemu.ndis.v6.edges import NblUpper
from ndisemu.ndis.v6.flags import ReceiveFlag
from ndisemu.ndis.v6.receive import NblReceives

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter
    from ndisemu.ndis.v6.binding import Binding

_RESOURCES: Final = int(ReceiveFlag.RESOURCES)


class ListsOverPackets:
    """The translator of one NDIS 6 binding: `v6.edges.NblLower` to it, `v5.edges.PacketUpper` to the adapter.

    `uppers` is that binding alone: whom the path of received lists offers
    them to. `transfers_pending` counts frames that are being fetched.
    """

    # The binding itself is paused where nothing may be indicated.
    may_indicate = True

    def __init__(self, binding: "Binding", adapter: "PacketAdapter") -> None:
        self.name = binding.name
        self.filter = binding.filter
        # An NDIS 6 sender does not hear itself; that it asks for it with a send is not carried over.
        self.protocol_options = ProtocolOption.NO_LOOPBACK
        self.sends_pending = 0
        self.receives_held = 0
        self.transfers_pending = 0
        self.uppers: list[NblUpper] = [binding]
        self._binding = binding
        self._adapter = adapter
        self._left: dict[NetBufferList, int] = {}
        self._sent = SendBook(adapter, self.name, "NdisMSendComplete")
        self._received = NblReceives(adapter, self)
        self._lists = ListStock(adapter.library, self.name)
        self._packets = PacketStock(adapter.library, self.name)
        self._frames = WholeFrames(self, adapter, self._show)

    def __repr__(self) -> str:
        return f"{self.name} (translated)"

    # Below the binding.

    def submit(self, upper: NblUpper, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Send lists, as a packet for each frame."""
        nbls = tuple(nbls)
        self._sent.take_over(upper, nbls)
        packets = []
        for nbl in nbls:
            nbl.status = Status.SUCCESS
            self._left[nbl] = len(nbl.buffers)
            packets += [self._packets.describe(frame, self) for frame in nbl.buffers]
        self._adapter.submit(self, packets)

    def refuse(self, upper: NblUpper, nbls: Sequence[NetBufferList], status: Status) -> None:
        """Complete lists with `status`, unsent."""
        self._sent.take_over(upper, nbls)
        for nbl in nbls:
            nbl.status = status
        self._complete(nbls)

    def cancel(self, upper: NblUpper, cancel_id: int) -> None:
        """Pass the wish on; the packets bear their lists' ids."""
        self._adapter.cancel(self, cancel_id)

    def release(self, upper: NblUpper, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Give received lists back."""
        self._received.release(upper, nbls, flags)

    # Above the adapter.

    def connect(self, lower: PacketLower) -> None:
        """The adapter's ways have changed; each send looks for itself."""

    def sends_completed(self, packets: Sequence[Packet], status: Status) -> None:
        """Count the frames down; complete the lists that have none left."""
        self.sends_pending -= len(packets)
        done = []
        for packet in packets:
            nbl = self._packets.take_back(packet)
            if nbl is None:
                continue
            if status is not Status.SUCCESS and nbl.status is Status.SUCCESS:
                nbl.status = to_6(status)
            self._left[nbl] -= 1
            if not self._left[nbl]:
                del self._left[nbl]
                done.append(nbl)
        if done:
            self._complete(done)

    def received(self, packets: Sequence[Packet]) -> int:
        """Indicate each packet as a list, which keeps one reference of it."""
        self._received.indicate([self._lists.describe(packet, self._adapter) for packet in packets], 0, 0)
        return 1

    def copied(self, packets: Sequence[Packet]) -> None:
        """Show packets that go back at once."""
        self._show(packets)

    def indicated(self, context: ReceiveContext) -> None:
        """Fetch a frame that the miniport keeps, and show it."""
        self._frames.fetch(context)

    def transfer_completed(self, packet: Packet, status: Status, transferred: int) -> None:
        """A frame that was fetched has come."""
        self.transfers_pending -= 1
        self._frames.fetched(packet, status)

    def receive_completed(self) -> None:
        """NDIS 6 protocols are not told the end of a batch."""

    def returned_too_much(self) -> None:
        """The path of received lists lets nobody return what it does not hold."""
        raise AssertionError(f"{self.name} returned packets that it did not hold")

    # Below the path of received lists (`v6.receive.Lender`).

    def return_lists(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Drop the references of the packets behind these lists."""
        packets = [packet for nbl in nbls if (packet := self._lists.take_back(nbl)) is not None]
        self.receives_held -= len(packets)
        self._adapter.release(packets)

    def close(self) -> None:
        """The binding is gone, and nothing is out any more."""
        self._lists.close()
        self._packets.close()
        self._frames.close()

    def _show(self, packets: Sequence[Packet]) -> None:
        nbls = [self._lists.describe(packet, self._adapter) for packet in packets]
        self._received.indicate(nbls, 0, _RESOURCES)
        for nbl in nbls:
            self._lists.take_back(nbl)

    def _complete(self, nbls: Sequence[NetBufferList]) -> None:
        self._sent.give_back(nbls)
        self._binding.sends_completed(nbls, 0)
