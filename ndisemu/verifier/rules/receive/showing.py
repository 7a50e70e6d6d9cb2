"""What a miniport shows for want of resources: how it is marked, and that it is the miniport's again at once."""

from typing import ClassVar, Final

from ndisemu.hw import registers as reg
from ndisemu.ndis import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.card import mask, unread
from ndisemu.verifier.rule import ANY, V5, Model, Refused, Rule, before, quiet
from ndisemu.verifier.rules.receive.indicating import INDICATIONS, is_short
from ndisemu.verifier.watch import Watch

_RESOURCES: Final = Status.RESOURCES


class RxOobStatusInitialised(Refused):
    """Each packet that is indicated has the status SUCCESS, to be lent, or RESOURCES, to be shown."""

    id = "rx-oob-status-initialised"
    models = V5
    source = "DDK: NDIS_SET_PACKET_STATUS"
    why = "By the status a protocol sees whether it may keep the packet. One from the packet's last trip tells it nothing."


class RxResourcesTail5x(Rule):
    """Behind a packet that is short of resources, all packets of the array are."""

    id = "rx-resources-tail-5x"
    models = V5
    source = "DDK: NDIS_SET_PACKET_STATUS"
    why = (
        "Older versions of NDIS take everything behind it for short, whatever its status says. A driver that waits for "
        "MiniportReturnPacket then waits for ever."
    )

    @before("NdisMIndicateReceivePacket")
    def indicating(self, call: Call) -> None:
        """Look at the last first, which mostly is enough."""
        packets = call.items
        if len(packets) < 2 or packets[-1].status is _RESOURCES:
            return
        short = next((packet for packet in packets if packet.status is _RESOURCES), None)
        if short is not None:
            self.broken(
                f"{self.watch.adapter.name} indicated packets with NDIS_STATUS_SUCCESS behind {short!r}, which has "
                "NDIS_STATUS_RESOURCES; put those that are short last, or into a call of their own",
                short,
            )


class Reclaims(Rule):
    """A driver whose every receive buffer is its own again has some in the card's ring.

    `shown` says whether the rule is about drivers that have shown frames for want of resources, or about others.
    """

    shown: ClassVar[bool] = False

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._starved = 0

    @before("MiniportReset", "MiniportResetEx")
    def resetting(self, call: Call) -> None:
        """What has been shown before a reset has nothing to do with the ring after it."""
        self._starved = self.watch.adapter.receives.starved

    @quiet
    def nothing_happens(self) -> None:
        """Look at a driver that has had time for everything."""
        adapter = self.watch.adapter
        # One that is paused may not take what its ring holds.
        flows = adapter.running and getattr(adapter, "may_indicate", True)
        if flows and adapter.device.registers.mmio_read(reg.RCTL) & reg.RCTL_EN:
            self.look()

    def look(self) -> None:
        """Look whether the card's ring has room for another frame, if all buffers are back."""
        book, device = self.watch.adapter.receives, self.watch.adapter.device
        if book.lent or (book.starved > self._starved) is not self.shown or device.target is not None:
            return
        read = device.registers.mmio_read
        works = read(reg.STATUS) != _GONE and read(reg.RDLEN)
        if works and read(reg.RDH) == read(reg.RDT):
            frames = unread(self.watch.adapter)
            if not frames:
                self.lost()
            elif not device.line.shut and read(reg.IMS):
                # Of a card that cannot interrupt others tell.
                self.full(frames)

    def full(self, frames: int) -> None:
        """The ring is full of frames that the driver, which is told of them, does not take out."""

    def lost(self) -> None:
        """Report it."""
        raise NotImplementedError


class RxResourcesReclaim(Reclaims):
    """What was shown for want of resources goes back to the card, by the driver's own doing, when the call has returned."""

    id = "rx-resources-reclaim"
    models = Model.DESERIALIZED | Model.NDIS6
    source = "DDK: NdisMIndicateReceiveNetBufferLists, MiniportReturnPacket"
    why = (
        "No return handler is called for it. A driver that waits loses a buffer with every frame, just when it has few."
    )
    shown = True

    @before("MiniportHalt", "MiniportHaltEx")
    def halting(self, call: Call) -> None:
        """Look for the last time: what was shown has been the driver's since the call returned, receiver on or off."""
        self.look()

    def lost(self) -> None:
        """Say where the buffers are."""
        adapter = self.watch.adapter
        self.broken(
            f"{adapter.name} has no receive buffer in its card's ring, though nothing is lent; it has indicated "
            f"{adapter.receives.starved} frames with RESOURCES: reuse those as soon as the call returns"
        )


class RxStarvationFree(Reclaims):
    """What protocols have kept for long goes back to the card when they return it."""

    id = "rx-starvation-free"
    models = ANY
    source = "seed 002; DDK: Receiving NET_BUFFER Structures in CoNDIS Drivers"
    why = (
        "A ring that is filled up only where frames are taken out of it stays empty once it was, as no interrupt comes "
        "any more; the adapter is deaf until it is reset."
    )

    def lost(self) -> None:
        """Say what to do."""
        self.broken(
            f"{self.watch.adapter.name} has no receive buffer in its card's ring, though all have been returned; refill a "
            "ring that has run short when frames come back, and write RDT after a reset"
        )

    def full(self, frames: int) -> None:
        """Say what lies there."""
        adapter = self.watch.adapter
        self.broken(
            f"the ring of {adapter.name}'s card is full: {frames} frames lie there unread, and its interrupts are on "
            f"(IMS {mask(adapter):#x}); take out in each DPC what has arrived, and after a restart what came before"
        )


_GONE: Final = 0xFFFFFFFF

# How often a driver may show frames in a row while it has lent none.
PATIENCE: Final = 8


class RxResourcesRecovery(Rule):
    """A driver that has shown frames for want of resources lends again when its buffers are back."""

    id = "rx-resources-recovery"
    models = ANY
    source = "seed 002; DDK: MiniportAllocateComplete"
    why = "Every frame that is only shown is copied by each protocol, so the adapter stays slow when nothing is short."
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._has_lent = False
        self._in_a_row = 0

    @before(*INDICATIONS)
    def indicating(self, call: Call) -> None:
        """Count indications that show, and find that nothing is lent."""
        adapter = self.watch.adapter
        if not is_short(call):
            self._has_lent, self._in_a_row = True, 0
        elif self._has_lent and not adapter.receives.lent:
            self._in_a_row += 1
            if self._in_a_row == PATIENCE:
                self.broken(
                    f"{adapter.name} has indicated with RESOURCES {PATIENCE} times in a row while all that it had lent was "
                    "back; look before each indication whether buffers are short still"
                )


RULES: Final[tuple[type[Rule], ...]] = (
    RxOobStatusInitialised,
    RxResourcesTail5x,
    RxResourcesReclaim,
    RxStarvationFree,
    RxResourcesRecovery,
)
