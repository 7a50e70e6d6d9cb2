"""An NDIS 5.1 adapter: its life from MiniportInitialize to MiniportHalt, and its packet paths.

Source: NDIS reference 5.1 (5.x adapter life cycle).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from ndisemu.kernel import DRIVER_ERRORS, run_passive
from ndisemu.ndis.adapter import Adapter
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.constants import AttributeFlag, MacOption, Medium
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.device import Device
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.states import ADAPTER_TRANSITIONS, AdapterEvent, AdapterState, Machine
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.binding import Binding
from ndisemu.ndis.v5.edges import PacketUpper
from ndisemu.ndis.v5.library import MiniportLibrary
from ndisemu.ndis.v5.lookahead import LookaheadPath
from ndisemu.ndis.v5.loopback import Loopback
from ndisemu.ndis.v5.miniport import AdapterInfo, Miniport
from ndisemu.ndis.v5.receive import ReceivePath
from ndisemu.ndis.v5.send import SendPath

if TYPE_CHECKING:
    from ndisemu.ndis.library import NdisLibrary

# What NDIS asks a miniport right after MiniportInitialize (4.5), with room for so many bytes.
FIRST_QUERIES: Final[Mapping[Oid, int]] = {
    Oid.GEN_SUPPORTED_LIST: 1024,
    Oid.GEN_MAC_OPTIONS: 1024,
    Oid.GEN_MAXIMUM_TOTAL_SIZE: 1024,
    Oid.E802_3_CURRENT_ADDRESS: 1024,
}


class PacketAdapter(Adapter):
    """An adapter whose miniport speaks packets.

    `uppers` are who sends and receives here: bindings of 5.x protocols, and
    translators of others. `attributes` is None until NdisMSetAttributesEx.
    """

    miniport: Miniport
    sends: SendPath
    receives: ReceivePath
    generation: ClassVar[str] = "NDIS 5.1"
    halt_entry: ClassVar[str] = "MiniportHalt"

    def __init__(self, library: "NdisLibrary", miniport: Miniport, device: Device) -> None:
        super().__init__(library, device, Machine(device.name, AdapterState.UNINITIALIZED, ADAPTER_TRANSITIONS))
        self.miniport = miniport
        miniport.ndis = MiniportLibrary(self)
        self.attributes: AttributeFlag | None = None
        self.uppers: list[PacketUpper] = []
        self.sends = SendPath(self)
        self.receives = ReceivePath(self)
        self.lookahead = LookaheadPath(self)
        self.mac_options = MacOption(0)
        self.loopback = Loopback(self)
        self.requests.filters.changed = self.loopback.look
        # A binding sends straight into the path, or through the loopback (`edges.PacketLower`).
        self.submit = self.sends.submit
        self.refuse = self.sends.refuse
        self.release = self.receives.release

    @property
    def running(self) -> bool:
        """Whether MiniportInitialize has succeeded and MiniportHalt has not been called."""
        return self.state.current is AdapterState.RUNNING

    @property
    def startable(self) -> bool:
        """Whether it has not been started, or has been halted."""
        return self.state.current in {AdapterState.UNINITIALIZED, AdapterState.HALTED}

    def look(self) -> None:
        """The miniport gets sends and requests while it runs, and its code may run a little before and after."""
        self.alive = self.state.current in _ALIVE
        self.refuses_sends = self.refuses_requests = None if self.running else Status.ADAPTER_NOT_READY

    async def initialize(self) -> bool:
        """Run MiniportInitialize, at PASSIVE_LEVEL; returns whether the adapter runs now."""
        self.move(AdapterEvent.INITIALIZE)
        status: object = Status.FAILURE
        info = AdapterInfo(self.name, (Medium.E802_3,), self.device.parameters)
        try:
            status = await run_passive(lambda: self.miniport.initialize(info), self.cpu)
        except DRIVER_ERRORS as error:
            self.bug_check("MiniportInitialize", error)
        if not self.alive:
            return False
        if status is not Status.SUCCESS:
            self.report("init-failed", f"MiniportInitialize returned {status}; the adapter does not start")
        elif self.attributes is None:
            self.report("init-attributes", "MiniportInitialize returned SUCCESS without calling NdisMSetAttributesEx")
        else:
            self.move(AdapterEvent.INITIALIZED)
            return await self._ask_first()
        self._clean_up(leaks=False)
        self.move(AdapterEvent.INITIALIZE_FAILED)
        return False

    async def halt(self) -> None:
        """Unbind every protocol and run MiniportHalt, at PASSIVE_LEVEL; a failed adapter is only cleaned up."""
        for binding in tuple(reversed(self.bindings)):
            await self.library.unbind(binding)
        if self.running:
            self.move(AdapterEvent.HALT)
            try:
                await run_passive(self.miniport.halt, self.cpu)
            except DRIVER_ERRORS as error:
                self.bug_check("MiniportHalt", error)
            else:
                self.close_fibers()
                self.lookahead.look_whether_complete()
                self.move(AdapterEvent.HALTED)
        self._clean_up(leaks=self.state.current is AdapterState.HALTED)

    def join(self, binding: BaseBinding) -> None:
        """Put a binding on top of this adapter."""
        if isinstance(binding, Binding):
            self.uppers.append(binding)
            self.loopback.look()
        self.bindings.append(binding)

    def leave(self, binding: BaseBinding) -> None:
        """Take a binding off this adapter."""
        self.bindings.remove(binding)
        if isinstance(binding, Binding):
            self.uppers.remove(binding)
            self.loopback.look()

    def enter_request(self, request: OidRequest) -> None:
        """Call MiniportQueryInformation or MiniportSetInformation."""
        routine = self.miniport.set_information if request.is_set else self.miniport.query_information
        queue = self.requests
        self.enter(
            partial(routine, request),
            partial(queue.returned, request),
            partial(queue.raised, request, "MiniportSetInformation" if request.is_set else "MiniportQueryInformation"),
        )

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Hand packets back to the miniport: MiniportReturnPacket, IRQL <= DISPATCH."""
        if self.alive:
            self.call("MiniportReturnPacket", lambda: self.miniport.return_packets(packets))

    def reclaim(self, status: Status) -> None:
        """Complete what the dead miniport had."""
        self.sends.reclaim(status)
        self.lookahead.transfers.reclaim(status)

    def fail(self) -> None:
        """A bug check."""
        self.move(AdapterEvent.BUG_CHECK)

    def _clean_up(self, *, leaks: bool) -> None:
        self.device.registers.power_off()
        self.resources.release(leaks=leaks)
        self.loopback.close()
        self.attributes = None

    async def _ask_first(self) -> bool:
        """Query what NDIS must know of every adapter; a miniport without an answer does not start."""
        answers = await self.ask_for(FIRST_QUERIES)
        if answers is None:
            return False
        self.mac_options = MacOption(int.from_bytes(answers[Oid.GEN_MAC_OPTIONS], "little"))
        self.station_address = answers[Oid.E802_3_CURRENT_ADDRESS]
        self.maximum_total_size = int.from_bytes(answers[Oid.GEN_MAXIMUM_TOTAL_SIZE], "little")
        return True


_ALIVE: Final = (AdapterState.INITIALIZING, AdapterState.RUNNING, AdapterState.HALTING)
