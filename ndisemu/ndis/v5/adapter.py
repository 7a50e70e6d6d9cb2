"""An NDIS 5.1 adapter: its life from MiniportInitialize to MiniportHalt, and its packet paths.

Source: NDIS reference 5.1 (5.x adapter life cycle).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DRIVER_ERRORS, run_in_time, run_passive
from ndisemu.ndis.adapter import Adapter
from ndisemu.ndis.allocation import Allocation
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.constants import AttributeFlag, MacOption, Medium
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.device import Device
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.pnp import DeviceEvent
from ndisemu.ndis.states import ADAPTER_TRANSITIONS, AdapterEvent, AdapterState, Machine
from ndisemu.ndis.status import Status, is_failure
from ndisemu.ndis.translate import ListsOverPackets
from ndisemu.ndis.v5.binding import Binding
from ndisemu.ndis.v5.edges import PacketUpper
from ndisemu.ndis.v5.library import MiniportLibrary
from ndisemu.ndis.v5.lookahead import LookaheadPath
from ndisemu.ndis.v5.loopback import Loopback
from ndisemu.ndis.v5.miniport import AdapterInfo, Miniport
from ndisemu.ndis.v5.miniportlock import MiniportLock
from ndisemu.ndis.v5.receive import ReceivePath
from ndisemu.ndis.v5.send import PacketSends, SendPath, SingleSends
from ndisemu.ndis.v5.serialized import SerializedSends
from ndisemu.ndis.v6.binding import Binding as NblBinding

if TYPE_CHECKING:
    from ndisemu.ndis.library import NdisLibrary

# What NDIS asks a miniport right after MiniportInitialize (4.5), with room for so many bytes.
FIRST_QUERIES: Final[Mapping[Oid, int]] = {
    Oid.GEN_SUPPORTED_LIST: 1024,
    Oid.GEN_MAC_OPTIONS: 1024,
    Oid.GEN_MAXIMUM_TOTAL_SIZE: 1024,
    Oid.E802_3_CURRENT_ADDRESS: 1024,
}
# What it asks a serialized one besides.
SERIALIZED_QUERIES: Final[Mapping[Oid, int]] = {Oid.GEN_MAXIMUM_SEND_PACKETS: 4}


class PacketAdapter(Adapter):
    """An adapter whose miniport speaks packets.

    `uppers` are who sends and receives here: bindings of 5.x protocols, and
    translators of others. `attributes` is None until NdisMSetAttributesEx.
    `maximum_send_packets` is the longest array that a serialized miniport takes.
    """

    miniport: Miniport
    sends: PacketSends
    receives: ReceivePath
    generation: ClassVar[str] = "NDIS 5.1"
    halt_entry: ClassVar[str] = "MiniportHalt"
    reset_entry: ClassVar[str] = "MiniportReset"
    shutdown_entry: ClassVar[str] = "MiniportShutdown"
    asleep_status: ClassVar[Status] = Status.ADAPTER_NOT_READY

    def __init__(self, library: "NdisLibrary", miniport: Miniport, device: Device) -> None:
        super().__init__(
            library, miniport, device, Machine(device.name, AdapterState.UNINITIALIZED, ADAPTER_TRANSITIONS)
        )
        self.miniport = miniport
        miniport.ndis = MiniportLibrary(self)
        self.attributes: AttributeFlag | None = None
        self.uppers: list[PacketUpper] = []
        self._translators: dict[BaseBinding, ListsOverPackets] = {}
        self.maximum_send_packets = 1
        self.sends = self._send_path()
        device.dma.ended_at = self.sends.ended_at
        self.receives = ReceivePath(self, self, serialized=self.lock is not None, costs=self.cpu.costs)
        self.lookahead = LookaheadPath(self)
        self.mac_options = MacOption(0)
        self.loopback = Loopback(self)
        self.requests.filters.changed = self.loopback.look
        # A binding sends straight into the path, or through the loopback (`edges.PacketLower`).
        self.submit = self.sends.submit
        self.send = self.sends.send
        self.cancel = self.sends.cancel
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
        refusal = self.refusal if self.running else Status.ADAPTER_NOT_READY
        self.refuses_sends = self.refuses_requests = refusal

    async def initialize(self) -> bool:
        """Run MiniportInitialize, at PASSIVE_LEVEL; returns whether the adapter runs now."""
        self.begin_again()
        self.move(AdapterEvent.INITIALIZE)
        status: object = Status.FAILURE
        info = AdapterInfo(self.name, (Medium.E802_3,), self.device.parameters)
        try:
            status = await run_in_time(lambda: self.miniport.initialize(info), self.cpu, "st-entry-returns")
        except DRIVER_ERRORS as error:
            self.bug_check("MiniportInitialize", error)
        if not self.alive:
            return False
        if status is not Status.SUCCESS:
            self.report("st-init-status", f"MiniportInitialize returned {status}; the adapter does not start")
        elif self.attributes is None:
            self.report(
                "st-attributes-first", "MiniportInitialize returned SUCCESS without calling NdisMSetAttributesEx"
            )
        else:
            self.move(AdapterEvent.INITIALIZED)
            self.hang.start()
            return await self._ask_first()
        # What returns no status at all takes itself for started.
        self._clean_up("MiniportInitialize" if is_failure(status) else "")
        self.move(AdapterEvent.INITIALIZE_FAILED)
        return False

    async def halt(self) -> None:
        """Unbind every protocol and run MiniportHalt, at PASSIVE_LEVEL; a failed adapter is only cleaned up."""
        await self.resetting.over()
        for binding in tuple(reversed(self.bindings)):
            await self.library.unbind(binding)
        if self.running:
            self.hang.stop()
            self.move(AdapterEvent.HALT)
            try:
                await run_in_time(self.miniport.halt, self.cpu, "st-watchdog-halt")
            except DRIVER_ERRORS as error:
                self.bug_check("MiniportHalt", error)
            else:
                self.close_fibers()
                self.lookahead.look_whether_complete()
                self.indications.close()
                self.move(AdapterEvent.HALTED)
        self._clean_up("MiniportHalt" if self.state.current is AdapterState.HALTED else "")

    def join(self, binding: BaseBinding) -> None:
        """Put a binding on top of this adapter."""
        if isinstance(binding, Binding):
            self.uppers.append(binding)
        elif isinstance(binding, NblBinding):
            translator = self._translators[binding] = ListsOverPackets(binding, self)
            binding.connect(translator)
            self.uppers.append(translator)
        # Which also lets a binding know where its sends go.
        self.loopback.look()
        self.bindings.append(binding)

    def leave(self, binding: BaseBinding) -> None:
        """Take a binding off this adapter."""
        self.bindings.remove(binding)
        if isinstance(binding, Binding):
            self.uppers.remove(binding)
        elif translator := self._translators.pop(binding, None):
            self.uppers.remove(translator)
            translator.close()
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

    def supplies(self, entry: str) -> bool:
        """Whether the driver's class supplies an entry point, by its Python name."""
        return getattr(type(self.miniport), entry) is not getattr(Miniport, entry)

    def allocate_complete(self, allocation: Allocation) -> None:
        """Tell the miniport how an allocation has ended that nobody awaits: MiniportAllocateComplete."""
        if not self.supplies("allocate_complete"):
            self.report(
                "shm-async-handler",
                f"{allocation!r} has ended, and the driver neither awaits it nor supplies MiniportAllocateComplete",
            )
        elif self.alive:
            memory, context = allocation.memory, allocation.context
            length = allocation.length
            self.call("MiniportAllocateComplete", lambda: self.miniport.allocate_complete(memory, length, context))

    def reclaim(self, status: Status) -> None:
        """Complete what the dead miniport had."""
        self.sends.reclaim(status)
        self.lookahead.transfers.reclaim(status)

    def fail(self) -> None:
        """A bug check."""
        self.move(AdapterEvent.BUG_CHECK)
        if self.lock is not None:
            self.lock.clear()

    def _send_path(self) -> PacketSends:
        """Choose the send path that the driver's kind and entry points ask for (1.1)."""
        if not self.miniport.deserialized:
            if self.device.target is not None:
                raise RuleViolation(
                    "st-deserialize-flag",
                    f"{type(self.miniport).__name__} is serialized, and {self.name} has a WDM lower edge; miniports with "
                    "such an edge are deserialized (deserialized = True)",
                )
            self.lock = MiniportLock(self.kernel, self.name)
            return SerializedSends(self, self.lock)
        return SendPath(self) if self.supplies("send_packets") else SingleSends(self)

    # Control operations, as a 5.x adapter does them.

    @property
    def halting(self) -> bool:
        """Whether MiniportHalt runs."""
        return self.state.current is AdapterState.HALTING

    @property
    def checks_for_hang(self) -> bool:
        """Whether the miniport supplies MiniportCheckForHang."""
        return type(self.miniport).check_for_hang is not Miniport.check_for_hang

    @property
    def times_requests(self) -> bool:
        """Whether NDIS times requests."""
        return not (self.attributes or 0) & AttributeFlag.IGNORE_REQUEST_TIMEOUT

    @property
    def times_sends(self) -> bool:
        """Whether NDIS times the sends of a serialized miniport, or the miniport looks after its own."""
        return self.checks_for_hang or self._ndis_times_sends

    @property
    def _ndis_times_sends(self) -> bool:
        return self.lock is not None and not (self.attributes or 0) & AttributeFlag.IGNORE_PACKET_TIMEOUT

    def oldest_send(self) -> int | None:
        """Return the number of a serialized miniport's oldest send, queued or outstanding."""
        return self.sends.oldest() if self._ndis_times_sends else None

    def check_for_hang(self) -> None:
        """Call MiniportCheckForHang; TRUE begins a reset."""

        def ask() -> None:
            if self.miniport.check_for_hang():
                self.resetting.hung("MiniportCheckForHang returned TRUE")

        self.call("MiniportCheckForHang", ask)

    def enter_reset(self) -> object:
        """Call MiniportReset."""
        return self.miniport.reset()

    def abort_for_reset(self) -> None:
        """A serialized miniport forgets what it had; a deserialized one must have completed it."""
        if self.lock is not None:
            self.requests.abort(Status.REQUEST_ABORTED)
            self.sends.reclaim(Status.REQUEST_ABORTED)
        elif self.sends.in_flight:
            self.report(
                "st-reset-5d-abort",
                f"MiniportReset is complete and {self.sends.in_flight} sends are not; "
                "a deserialized miniport completes them before with NDIS_STATUS_REQUEST_ABORTED",
            )

    async def notify_removal(self) -> None:
        """Complete what NDIS itself has queued, and call MiniportPnPEventNotify if it has said SURPRISE_REMOVE_OK."""
        await run_passive(lambda: self.sends.withdraw(Status.NOT_ACCEPTED), self.cpu)
        if (self.attributes or 0) & AttributeFlag.SURPRISE_REMOVE_OK:
            event = DeviceEvent.SURPRISE_REMOVED
            try:
                await run_in_time(lambda: self.miniport.pnp_event_notify(event), self.cpu, "st-entry-returns")
            except DRIVER_ERRORS as error:
                self.bug_check("MiniportPnPEventNotify", error)

    def resume(self) -> None:
        """Let requests and queued sends go on."""
        super().resume()
        self.sends.resume()

    def enter_shutdown(self) -> object:
        """Call MiniportShutdown."""
        return self.miniport.shutdown()

    def end_in_shutdown(self) -> None:
        """No entry is called any more."""
        self.move(AdapterEvent.SHUT_DOWN)

    def _clean_up(self, ended: str) -> None:
        """Reclaim everything; `ended` is the entry point before whose end the driver should have given it back, if any."""
        self.device.registers.power_off()
        self.resources.release(ended=ended)
        self.loopback.close()
        self.attributes = None

    async def _ask_first(self) -> bool:
        """Query what NDIS must know of every adapter; a miniport without an answer does not start."""
        wanted = FIRST_QUERIES if self.lock is None else {**FIRST_QUERIES, **SERIALIZED_QUERIES}
        answers = await self.ask_for(wanted)
        if answers is None:
            return False
        if self.lock is not None:
            self.maximum_send_packets = int.from_bytes(answers[Oid.GEN_MAXIMUM_SEND_PACKETS], "little")
        self.mac_options = MacOption(int.from_bytes(answers[Oid.GEN_MAC_OPTIONS], "little"))
        self.station_address = answers[Oid.E802_3_CURRENT_ADDRESS]
        self.maximum_total_size = int.from_bytes(answers[Oid.GEN_MAXIMUM_TOTAL_SIZE], "little")
        return True


_ALIVE: Final = (AdapterState.INITIALIZING, AdapterState.RUNNING, AdapterState.HALTING)
