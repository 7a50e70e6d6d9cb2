"""The miniport with packet priority: `ring_explicit` with a queue for each 802.1p priority, and packets with their time.

Start reading at `post_waiting`. What the card has been given nobody can
overtake any more, so it is given little; the rest waits here, one queue for
each UserPriority, and the highest goes first. Equal priorities stay in order,
which is what seed 003 exempts from the protocol's order, and no more.

A packet with a TimeToSend is not posted before that time (system time, 0 for
none; one that has passed is no reason to wait). It keeps its place among its
equals, so those behind it wait with it; packets of other priorities do not.

The card inserts and strips the tags; the driver converts between the tag in
a descriptor and the TagHeader beside a packet. A VLAN that is set by
OID_GEN_VLAN_ID is that of packets which name none, and the only one let in.

Source: seeds 001 and 003; NDIS reference 4.2 (TimeToSend) and 7; 8254x manual 9.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.i8254x.transmit import Burst
from ndisemu.drivers.ring_explicit import ExplicitRingMiniport
from ndisemu.hw import registers as reg
from ndisemu.ndis import MacOption, Oid, OidRequest, Packet, Status, Tag, Timer
from ndisemu.ndis.v5 import AdapterInfo

# The highest first: no priority, which is 0, is served between 2 and 3.
ORDER: Final = (7, 6, 5, 4, 3, 0, 2, 1)
# How many packets the card has at a time; at a gigabit they last longer than an interrupt takes.
AHEAD: Final = 16
MAX_VLAN: Final = 4094


class PriorityMiniport(ExplicitRingMiniport):
    """A deserialized NDIS 5.1 miniport for the 82540EM that sends by priority, and at its time."""

    send_timer: Timer

    def initialize(self, adapter: AdapterInfo) -> Status:
        """MiniportInitialize: as `ring_explicit`, and then the tags, before any protocol is there to use them."""
        self.queues: dict[int, deque[Packet]] = {priority: deque() for priority in ORDER}
        self.vlan = 0
        status = super().initialize(adapter)
        self.send_timer = self.ndis.initialize_timer(self.time_has_come, "TimeToSend")
        self.card.control |= reg.CTRL_VME
        self.registers.write(reg.CTRL, self.card.control)
        self.rx.tagged = True
        self.information.mac_options |= MacOption.E8021P_PRIORITY | MacOption.E8021Q_VLAN
        self.information.add(Oid.GEN_VLAN_ID, lambda: self.vlan)
        return status

    async def halt(self) -> None:
        """MiniportHalt: nothing comes due any more."""
        self.send_timer.cancel()
        await super().halt()

    # The queues, under the lock.

    def queue(self, packets: Sequence[Packet]) -> None:
        """Put packets behind those of their priority."""
        for packet in packets:
            self.queues[Tag.unpack(packet.ieee8021q).user_priority].append(packet)

    def post_waiting(self) -> list[Burst[Packet]]:
        """Post what is due, the highest priority first, while the card has little; returns what ended at once."""
        ended: list[Burst[Packet]] = []
        now = self.ndis.system_time()
        for queue in self.queues.values():
            while queue and self.is_due(queue[0], now):
                (burst,) = self.tx.split((queue[0],))
                if not burst.is_set:
                    if self.tx.posted >= AHEAD or not self.tx.has_room(burst):
                        return ended
                    self.insert_tag(burst)
                    self.tx.post((burst,))
                queue.popleft()
                if burst.is_set:
                    ended.append(burst)
        self.wait_for_next(now)
        return ended

    def is_due(self, packet: Packet, now: int) -> bool:
        """Whether a packet may be sent; when the card is stopped, its time will not come."""
        return packet.oob.time_to_send <= now or not self.card.started

    def wait_for_next(self, now: int) -> None:
        """Set the timer for the first packet that is not due, of those that are next in their queues."""
        times = [queue[0].oob.time_to_send for queue in self.queues.values() if queue]
        if times:
            self.send_timer.set(min(times) - now)

    def withdraw(self, cancel_id: int) -> list[Packet]:
        """Take packets out of the queues."""
        gone: list[Packet] = []
        for priority, queue in self.queues.items():
            gone += [packet for packet in queue if packet.cancel_id == cancel_id]
            self.queues[priority] = deque(packet for packet in queue if packet.cancel_id != cancel_id)
        return gone

    # Time and tags.

    def time_has_come(self) -> None:
        """MiniportTimer: post what is due now."""
        self.lock.dpr_acquire()
        ended = self.post_waiting()
        self.lock.dpr_release()
        self.complete(ended)

    def insert_tag(self, burst: Burst[Packet]) -> None:
        """Let the card insert the tag of a burst of one packet, if it has one: in its last descriptor."""
        tag = Tag.unpack(burst.frames[0].ieee8021q)
        if self.vlan and not tag.vlan_id:
            tag = tag._replace(vlan_id=self.vlan)
        if any(tag):
            burst.words[-1] |= reg.TX_VLE | tag.to_wire() << reg.SPECIAL_SHIFT

    def set_information(self, request: OidRequest) -> Status:
        """MiniportSetInformation: also the VLAN, which reaches the card with the filters."""
        if request.oid is not Oid.GEN_VLAN_ID:
            return super().set_information(request)
        vlan = request.number()
        if vlan is None:
            return Status.INVALID_LENGTH
        if vlan > MAX_VLAN:
            return Status.INVALID_DATA
        self.vlan = self.rx.vlan = vlan
        self.rx.set_filter(self.information.filter, self.information.multicast)
        return Status.SUCCESS
