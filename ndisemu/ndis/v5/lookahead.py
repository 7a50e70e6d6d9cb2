"""Lookahead indications: the miniport shows header and first bytes of one frame, and keeps the frame.

Every binding whose filter wants the frame is shown it in ProtocolReceive and
fetches the rest with NdisTransferData while it looks. After the last frame
of a DPC the miniport says so, and every binding that was shown something is
told in ProtocolReceiveComplete. That it was forgotten is noticed at the next
indication from another DPC, or at halt, which costs nothing before.

Source: NDIS reference 5.5.1.
"""

from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.frame.ethernet import HEADER
from ndisemu.kernel import Cpu
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.context import Reader, ReceiveContext
from ndisemu.ndis.v5.edges import PacketUpper
from ndisemu.ndis.v5.transfer import Transfers

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter

RULE: Final = "rx5-lookahead"


class LookaheadContext(ReceiveContext):
    """A frame in the miniport's receive buffer; `_context` is what the miniport knows it by."""

    __slots__ = ("_context", "_transfers")

    def __init__(self, transfers: Transfers, context: object, header: bytes, lookahead: bytes, size: int) -> None:
        super().__init__(header, lookahead, size)
        self._transfers = transfers
        self._context = context

    def transfer(self, reader: Reader, offset: int, length: int, packet: Packet) -> tuple[Status, int]:
        """Ask the miniport."""
        return self._transfers.begin(reader, self._context, offset, length, packet)


class LookaheadPath:
    """The lookahead indications of one adapter, and the bindings that are owed a ProtocolReceiveComplete."""

    __slots__ = ("_adapter", "_began", "_shown_to", "transfers")

    def __init__(self, adapter: "PacketAdapter") -> None:
        self._adapter = adapter
        self.transfers = Transfers(adapter)
        # Where the batch that is not complete yet began: a CPU, and which of its DPCs.
        self._began: tuple[Cpu, int] | None = None
        self._shown_to: dict[PacketUpper, None] = {}

    def indicate(self, cpu: Cpu, context: object, header: bytes, lookahead: bytes, packet_size: int) -> None:
        """Show a frame to all bindings that want it (`NdisMEthIndicateReceive`, IRQL == DISPATCH)."""
        adapter = self._adapter
        self._check(header, lookahead, packet_size)
        here = (cpu, cpu.dpcs_run)
        if self._began != here:
            self.look_whether_complete()
            self._began = here
        if (note := adapter.kernel.probe.event) is not None:
            note("indicate", adapter.name, 1, "lookahead")
        if (costs := cpu.costs) is not None:
            cpu.charge(costs.receive(1))
        wanting = [upper for upper in adapter.uppers if upper.filter.wants(header[:6])]
        adapter.receives.count_kept_by_miniport(wanted=bool(wanting))
        shown = LookaheadContext(self.transfers, context, header, lookahead, packet_size)
        for upper in wanting:
            self._shown_to[upper] = None
            upper.indicated(shown)

    def complete(self) -> None:
        """End a batch (`NdisMEthIndicateReceiveComplete`): ProtocolReceiveComplete for all that were shown something."""
        self._began = None
        shown_to, self._shown_to = self._shown_to, {}
        for upper in shown_to:
            upper.receive_completed()

    def look_whether_complete(self) -> None:
        """Report a batch that should have been completed by now."""
        if self._began is not None:
            self._began = None
            self._adapter.report(
                "rx5-indicate-complete",
                f"{self._adapter.name} called NdisMEthIndicateReceive in a DPC that ended without "
                "NdisMEthIndicateReceiveComplete; call it after the last frame of each",
            )

    def _check(self, header: bytes, lookahead: bytes, packet_size: int) -> None:
        """Refuse an indication that shows too little, or more than there is."""
        name = self._adapter.name
        if len(header) != HEADER:
            raise RuleViolation(RULE, f"{name} indicated a header of {len(header)} bytes; an 802.3 header has {HEADER}")
        least = min(packet_size, self._adapter.requests.filters.lookahead)
        if not least <= len(lookahead) <= packet_size:
            raise RuleViolation(
                RULE,
                f"{name} indicated {len(lookahead)} bytes of lookahead of {packet_size} behind the header; "
                f"show at least {least}, as OID_GEN_CURRENT_LOOKAHEAD asks for, and no more than there are",
            )
