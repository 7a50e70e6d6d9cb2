"""Software loopback: what is sent on an adapter and wanted by its own bindings.

A miniport that says NDIS_MAC_OPTION_NO_LOOPBACK leaves it to NDIS. Each sent
frame is held against the filters of all bindings; those that want it are
shown a copy, marked NDIS_FLAGS_IS_LOOPBACK_PACKET, from a DPC. A frame for
the adapter itself, or marked LOOPBACK_ONLY, does not go on the wire.

Looking at destinations costs a few per cent of a whole path's time. So it is
not done at all for a binding that is alone on its adapter and has asked for
no loopback with PROT_OPTION_NO_LOOPBACK, as most protocols do: nobody would
hear it. What it sends goes to the miniport, its own address included.
Elsewhere a burst whose destinations have all concerned nobody before is let
through by a glance at each.

Source: NDIS reference 5.11 and 4.4.
"""

from collections.abc import Sequence
from mmap import mmap
from typing import TYPE_CHECKING

from ndisemu.frame.ethernet import ADDRESS
from ndisemu.kernel import Dpc
from ndisemu.ndis.constants import MacOption, PacketFlag, ProtocolOption
from ndisemu.ndis.data.mdl import Mdl
from ndisemu.ndis.data.packet import NO_FLAGS, Packet, PacketPool
from ndisemu.ndis.filter import MOST_VERDICTS
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.edges import PacketUpper

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter

Heard = tuple[bytes, PacketFlag, list[PacketUpper]]


class Loopback:
    """The loopback of one adapter; `looks` says whether sends come through here, `looped` counts what was heard."""

    __slots__ = ("_adapter", "_dpc", "_packet", "_pool", "_queue", "_unheard", "looks", "looped")

    def __init__(self, adapter: "PacketAdapter") -> None:
        self._adapter = adapter
        self._dpc = Dpc(self._deliver, name=f"{adapter.name} loopback")
        self._queue: list[Heard] = []
        self._unheard: dict[bytes, None] = {}
        self._pool: PacketPool | None = None
        self._packet: Packet | None = None
        self.looks = False
        self.looped = 0

    def __repr__(self) -> str:
        return f"{self._adapter.name} (loopback)"

    def look(self) -> None:
        """Find out whether sends have to be looked at: bindings, their filters or their options have changed.

        So where nobody could hear, bindings send straight into the path, which costs nothing.
        """
        adapter = self._adapter
        self._unheard.clear()
        uppers = adapter.uppers
        needed = len(uppers) > 1 or any(not _asks_for_none(upper) for upper in uppers)
        self.looks = bool(needed and adapter.mac_options & MacOption.NO_LOOPBACK)
        adapter.submit = self.submit if self.looks else adapter.sends.submit
        adapter.send = self.send if self.looks else adapter.sends.send
        for upper in uppers:
            upper.connect(adapter)

    def submit(self, upper: PacketUpper, packets: Sequence[Packet]) -> None:
        """Send an array; what bindings of this adapter want of it they are shown soon, as it is now."""
        sends = self._adapter.sends
        if self._unheard_before(packets) or not self._will_be_taken(upper, packets):
            sends.submit(upper, packets)
            return
        heard: list[Heard] = []
        wire: list[Packet] = []
        local: list[Packet] = []
        for packet in packets:
            frame = packet.read()
            destination = frame[:ADDRESS]
            hearers = self._hearers(upper, packet, destination)
            if hearers:
                heard.append((frame, packet.flags, hearers))
            stays = packet.flags & PacketFlag.LOOPBACK_ONLY or destination == self._adapter.station_address
            (local if stays else wire).append(packet)
        self._queue += heard
        if self._queue:
            self._dpc.queue(self._adapter.running_cpu("NdisSendPackets"))
        serial = sends.take_over(upper, local)
        if wire:
            sends.submit(upper, wire)
        # Last, as a protocol may send again when it gets them back; and what a stopped adapter gave back is gone.
        if left := sends.left(local, serial):
            sends.finish(left, Status.SUCCESS)

    def send(self, upper: PacketUpper, packet: Packet) -> Status:
        """Send one packet, as an array of one, which comes back by `sends_completed`."""
        self.submit(upper, (packet,))
        return Status.PENDING

    def close(self) -> None:
        """Show nothing any more, and give the packet back."""
        self._queue.clear()
        self._dpc.remove()
        if self._pool is not None:
            self._adapter.library.packet_pools.remove(self._pool)
        self._pool = self._packet = None

    def _unheard_before(self, packets: Sequence[Packet]) -> bool:
        """Whether a glance says that these packets concern nobody here."""
        unheard = self._unheard
        for packet in packets:
            head = packet.head
            if packet.flags is not NO_FLAGS or head is None or head.length < ADDRESS:
                return False
            if head.memory[head.address : head.address + ADDRESS] not in unheard:
                return False
        return True

    def _will_be_taken(self, upper: PacketUpper, packets: Sequence[Packet]) -> bool:
        """Whether the send path takes the array, so that it may be heard."""
        adapter = self._adapter
        longest = adapter.maximum_total_size
        return (
            adapter.refuses_sends is None
            and all(packet.owner is upper and packet.length <= longest for packet in packets)
            and len(dict.fromkeys(packets)) == len(packets)
        )

    def _hearers(self, sender: PacketUpper, packet: Packet, destination: bytes) -> list[PacketUpper]:
        """Return who wants a frame that `sender` sends."""
        hearers = [upper for upper in self._adapter.uppers if upper.filter.wants_local(destination)]
        if not hearers and destination != self._adapter.station_address:
            if len(self._unheard) >= MOST_VERDICTS:
                self._unheard.clear()
            self._unheard[destination] = None
        if packet.flags & PacketFlag.DONT_LOOPBACK or _asks_for_none(sender):
            hearers = [upper for upper in hearers if upper is not sender]
        return hearers

    def _deliver(self) -> None:
        """Show what was sent to those who want it, a frame at a time, at DISPATCH_LEVEL."""
        queue, self._queue = self._queue, []
        adapter = self._adapter
        if (note := adapter.kernel.probe.event) is not None:
            note("loopback", adapter.name, len(queue), "")
        self.looped += len(queue)
        packet = self._packet or self._make_packet()
        shown_to: dict[PacketUpper, None] = {}
        for frame, flags, hearers in queue:
            packet.fill(frame)
            packet.flags = flags | PacketFlag.IS_LOOPBACK_PACKET
            for upper in hearers:
                shown_to[upper] = None
                upper.copied((packet,))
        for upper in shown_to:
            upper.receive_completed()

    def _make_packet(self) -> Packet:
        """Make the packet in which protocols are shown frames, in memory of NDIS's own; they copy and keep none."""
        adapter = self._adapter
        pool = self._pool = adapter.library.make_packet_pool("loopback packets", "NDIS", 1)
        (packet,) = pool
        pool.allocate(self)
        packet.chain(Mdl(mmap(-1, adapter.maximum_total_size), 0, adapter.maximum_total_size))
        packet.status = Status.RESOURCES
        self._packet = packet
        return packet


def _asks_for_none(upper: PacketUpper) -> bool:
    return bool(upper.protocol_options & ProtocolOption.NO_LOOPBACK)
