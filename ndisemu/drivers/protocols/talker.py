"""A connection-oriented client that makes and takes calls, and moves judged traffic on them.

It has a line for each call that it is to make or take: what is sent there,
and what should be heard. Whoever calls says in its note which line of the
other side it wants. A line sends from the moment the call is connected, and
hangs up when its packets are back. Calls outlive a reset of the adapter, in
which nothing is sent. When the binding goes, all calls end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ndisemu.drivers.protocols.flow import Flow
from ndisemu.drivers.protocols.signalling import Dialled
from ndisemu.drivers.protocols.sources import Source
from ndisemu.drivers.protocols.traffic import Sender
from ndisemu.ndis import Packet, Signal, Status, contents
from ndisemu.ndis.co import (
    AddressFamilyId,
    BindContext,
    CallParameters,
    Client,
    ClientAf,
    ClientSap,
    ClientVc,
    CoBinding,
    CoSap,
    VcEnd,
)


@dataclass(frozen=True, slots=True)
class Talk:
    """What one end of a call says and hears: a source with the flow it feeds, and the flow that ends here."""

    heard: Flow
    sent: Flow | None = None
    source: Source | None = None


class Line:
    """One call, or the place for one: its circuit, its sender, and how many packets are out.

    `status` is PENDING until the call is connected or has failed, CLOSING
    while it is being closed, and CLOSED afterwards.
    """

    def __init__(self, talk: Talk, binding: CoBinding) -> None:
        self.heard = talk.heard
        self.vc: ClientVc | None = None
        self.status = Status.PENDING
        self.out = 0
        self.calling = False
        self.closing = False
        self.closed: Signal | None = None
        self.sender: Sender[Packet] | None = None
        if talk.source is not None and talk.sent is not None:
            packets = binding.allocate_packets(talk.source.window, talk.source.longest)
            self.sender = Sender(binding, talk.source, talk.sent, packets, self.send, contents.fill)

    def send(self, packets: Sequence[Packet]) -> None:
        """Send packets on its circuit."""
        if self.vc is not None:
            self.out += len(packets)
            self.vc.send_packets(packets)

    def connect(self) -> None:
        """Data may move: begin to send."""
        self.status = Status.SUCCESS
        if self.sender is not None:
            self.sender.start()

    def hang_up(self) -> None:
        """Send no more, and close the call as soon as nothing is out."""
        self.closing = True
        if self.sender is not None:
            self.sender.hold()
        self.close_if_quiet()

    def close_if_quiet(self) -> None:
        """Close the call if it waits for that, has been made, and its packets are back."""
        if self.vc is None or not self.closing or self.calling or self.out or self.status is Status.CLOSING:
            return
        self.status = Status.CLOSING
        if self.vc.close_call() is not Status.PENDING:
            self.close(Status.CLOSED)

    def close(self, status: Status) -> None:
        """The call has ended, or was never made; who has created the circuit deletes it."""
        vc, self.vc = self.vc, None
        self.status = status
        if vc is not None and vc is vc.vc.creator:
            vc.delete()
        closed, self.closed = self.closed, None
        if closed is not None:
            closed.set()


class Talker(Client):
    """A client that calls the station `calls`, or waits for calls at `sap`; `talks` by the note of each call.

    `connected` and `failed` count calls, `received` frames, and `unsent`
    frames whose send has ended with anything but success.
    """

    binding: CoBinding

    def __init__(
        self, name: str, family: AddressFamilyId, sap: CoSap, talks: Mapping[bytes, Talk], *, calls: bytes | None = None
    ) -> None:
        self.name = name
        self.lines: dict[bytes, Line] = {}
        self.connected = 0
        self.failed = 0
        self.received = 0
        self.unsent = 0
        self._family = family
        self._talks = talks
        self._wanted = sap
        self._calls = calls
        self._started = False
        self._af: ClientAf | None = None
        self._sap: ClientSap | None = None
        self._ends: dict[object, Signal] = {}

    @property
    def done(self) -> bool:
        """Whether every line has been connected, and has handed out what it had to send."""
        return all(
            line.status is not Status.PENDING and (line.sender is None or line.sender.done)
            for line in self.lines.values()
        )

    # Its binding and address family.

    async def bind_adapter(self, context: BindContext) -> Status:
        """Open the adapter and make the lines; the address family is opened when it is offered."""
        self.binding = context.open_adapter()
        self.lines = {note: Line(talk, self.binding) for note, talk in self._talks.items()}
        return Status.SUCCESS

    async def co_af_register_notify(self, binding: CoBinding, family: AddressFamilyId) -> None:
        """ProtocolCoAfRegisterNotify: open the family, and wait for calls or make them."""
        if family != self._family or self._af is not None:
            return
        status, af = binding.open_address_family(family)
        if af is None or await self.end(af, status) is not Status.SUCCESS:
            return
        self._af = af
        if self._calls is None:
            status, sap = af.register_sap(self._wanted)
            if sap is not None and await self.end(sap, status) is Status.SUCCESS:
                self._sap = sap
        elif self._started:
            self.call_all(af, self._calls)

    def start(self) -> None:
        """Make the calls, now or as soon as there is somebody to make them; at PASSIVE_LEVEL."""
        self._started = True
        if self._af is not None and self._calls is not None:
            self.call_all(self._af, self._calls)

    async def unbind_adapter(self, binding: CoBinding) -> None:
        """Hang up everywhere, take no more calls, close the family and the binding."""
        if self._sap is not None:
            await self.end(self._sap, self._sap.deregister())
        for line in self.lines.values():
            if line.vc is not None:
                closed = line.closed = Signal()
                line.hang_up()
                await closed
        if self._af is not None:
            await self.end(self._af, self._af.close())
        await binding.close()

    async def end(self, handle: object, status: Status) -> Status:
        """Wait for the end of what was asked for with `handle`, if it is pending."""
        if status is not Status.PENDING:
            return status
        signal = self._ends[handle] = Signal()
        ended: Status = await signal
        return ended

    def ended(self, handle: object, status: Status) -> None:
        """What was asked for with `handle` has ended."""
        self._ends.pop(handle).set(status)

    def cl_open_af_complete(self, af: ClientAf, status: Status) -> None:
        """ProtocolClOpenAfComplete."""
        self.ended(af, status)

    def cl_close_af_complete(self, af: ClientAf, status: Status) -> None:
        """ProtocolClCloseAfComplete."""
        self.ended(af, status)

    def cl_register_sap_complete(self, sap: ClientSap, status: Status) -> None:
        """ProtocolClRegisterSapComplete."""
        self.ended(sap, status)

    def cl_deregister_sap_complete(self, sap: ClientSap, status: Status) -> None:
        """ProtocolClDeregisterSapComplete."""
        self.ended(sap, status)

    # Calls.

    def call_all(self, af: ClientAf, station: bytes) -> None:
        """Make the call of every line."""
        for note, line in self.lines.items():
            status, vc = af.create_vc(line)
            line.vc = vc
            if vc is None:
                self.failed += 1
                line.status = status
                continue
            line.calling = True
            parameters = Dialled(station, self._wanted.sap, note).parameters()
            status = vc.make_call(parameters)
            if status is not Status.PENDING:
                self.cl_make_call_complete(vc, status, parameters)

    def cl_make_call_complete(self, vc: ClientVc, status: Status, parameters: CallParameters) -> None:
        """ProtocolClMakeCallComplete: talk, or give the circuit back."""
        line: Line = vc.context
        line.calling = False
        if status is not Status.SUCCESS:
            self.failed += 1
            line.close(status)
        elif line.closing:
            line.close_if_quiet()
        else:
            self.connected += 1
            line.connect()

    def cl_incoming_call(self, sap: ClientSap, vc: ClientVc, parameters: CallParameters) -> Status:
        """ProtocolClIncomingCall: take it on the line that the caller wants, if that is free."""
        dialled = Dialled.decode(parameters.manager.specific)
        line = self.lines.get(dialled.note) if dialled else None
        if line is None or line.vc is not None:
            return Status.NOT_ACCEPTED
        vc.context = line
        line.vc = vc
        return Status.SUCCESS

    def cl_call_connected(self, vc: ClientVc) -> None:
        """ProtocolClCallConnected: talk."""
        self.connected += 1
        vc.context.connect()

    def cl_incoming_close_call(self, vc: ClientVc, status: Status, data: bytes) -> None:
        """ProtocolClIncomingCloseCall: hang up."""
        vc.context.hang_up()

    def cl_close_call_complete(self, vc: ClientVc, status: Status) -> None:
        """ProtocolClCloseCallComplete."""
        vc.context.close(Status.CLOSED)

    # Data.

    def co_status(self, binding: CoBinding, vc: VcEnd | None, status: Status, data: bytes) -> None:
        """ProtocolCoStatus: no sends in the middle of a reset."""
        senders = [line.sender for line in self.lines.values() if line.sender is not None and not line.closing]
        for sender in senders:
            if status is Status.RESET_START:
                sender.hold()
            elif status is Status.RESET_END:
                sender.go_on()

    def co_send_complete(self, vc: VcEnd, packets: Sequence[Packet], status: Status) -> None:
        """ProtocolCoSendComplete: the packets go back to the sender."""
        line: Line = vc.context
        line.out -= len(packets)
        if status is not Status.SUCCESS:
            self.unsent += len(packets)
        if line.sender is not None:
            line.sender.take_back(packets)
        line.close_if_quiet()

    def co_receive_packets(self, vc: VcEnd, packets: Sequence[Packet]) -> int:
        """ProtocolCoReceivePacket: copy out, judge, keep nothing."""
        self.received += len(packets)
        vc.context.heard.judge([packet.read() for packet in packets], self.binding.system_time())
        return 0
