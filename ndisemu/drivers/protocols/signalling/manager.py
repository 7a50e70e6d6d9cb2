"""The call manager: outgoing calls and closes as coroutines, incoming calls in the explicit style.

In the explicit style each step is taken by the completion of the one before,
or at once where that did not pend. A circuit is deactivated before the close
of its call is completed, so the client may delete it then.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.protocols.signalling.call import Call, Deadlines, Where
from ndisemu.drivers.protocols.signalling.messages import Dialled, Kind, Message
from ndisemu.drivers.protocols.signalling.messenger import Messenger
from ndisemu.ndis import Oid, Packet, Status
from ndisemu.ndis.co import (
    AddressFamilyId,
    BindContext,
    CallFlag,
    CallManager,
    CallManagerParameters,
    CallManagerSap,
    CallManagerVc,
    CallParameters,
    CoBinding,
    FamilyId,
    MediaParameters,
    VcEnd,
)

FAMILY: Final = AddressFamilyId(FamilyId.Q2931)
SIGNALLING_VLAN: Final = 1
FIRST_VLAN: Final = 2
LAST_VLAN: Final = 4094
PATIENCE: Final = 50_000_000


class SignallingManager(CallManager):
    """The call manager of one adapter; `calls` are those in progress, by VLAN.

    `refused` counts the calls that were refused here, `timed_out` the answers
    that did not come within `patience` ns.
    """

    address: bytes
    messenger: Messenger
    deadlines: Deadlines

    def __init__(self, name: str = "signalling", *, patience: int = PATIENCE) -> None:
        self.name = name
        self.patience = patience
        self.calls: dict[int, Call] = {}
        self.saps: list[CallManagerSap] = []
        self.refused = 0
        self.timed_out = 0
        self._line = Call(SIGNALLING_VLAN, b"", Where.CONNECTED)

    # Its binding, the signalling circuit, and SAPs.

    async def bind_adapter(self, context: BindContext) -> Status:
        """Open the adapter, activate the signalling circuit, and offer the address family."""
        binding = context.open_adapter()
        self.address = await binding.query(Oid.E802_3_CURRENT_ADDRESS)
        self.deadlines = Deadlines(binding, self.patience, self.give_up)
        status, vc = binding.create_vc(self._line)
        if vc is None:
            return status
        self._line.vc = vc
        self.messenger = Messenger(binding, vc, self.address)
        status = await self._line.activate(CallParameters(CallFlag.PERMANENT_VC, media=_media(SIGNALLING_VLAN)))
        return binding.register_address_family(FAMILY) if status is Status.SUCCESS else status

    async def unbind_adapter(self, binding: CoBinding) -> None:
        """Take the signalling circuit down and close; clients have closed their calls."""
        self.deadlines.cancel()
        if self._line.vc is not None and await self._line.deactivate() is Status.SUCCESS:
            self._line.vc.delete()
        await binding.close()

    def cm_register_sap(self, sap: CallManagerSap) -> Status:
        """ProtocolCmRegisterSap: one client to a SAP."""
        if not sap.sap.sap:
            return Status.INVALID_SAP
        if self.find(sap.sap.sap) is not None:
            return Status.SAP_IN_USE
        self.saps.append(sap)
        return Status.SUCCESS

    def cm_deregister_sap(self, sap: CallManagerSap) -> Status:
        """ProtocolCmDeregisterSap."""
        self.saps.remove(sap)
        return Status.SUCCESS

    def find(self, address: bytes) -> CallManagerSap | None:
        """Return the SAP registered for `address`."""
        return next((sap for sap in self.saps if sap.sap.sap == address), None)

    # Calls that a client of this station makes and ends.

    async def cm_make_call(self, vc: CallManagerVc, parameters: CallParameters) -> Status:
        """ProtocolCmMakeCall: ask the station called, activate the circuit, and say so."""
        dialled = Dialled.decode(parameters.manager.specific)
        if dialled is None:
            return Status.INVALID_ADDRESS
        vlan = self.choose_vlan(dialled.station)
        if vlan is None:
            return Status.VC_NOT_AVAILABLE
        call = self.calls[vlan] = Call(vlan, dialled.station, Where.CALLING)
        call.vc = vc
        vc.context = call
        status = await self.ask(call, Message(Kind.SETUP, vlan, data=parameters.manager.specific))
        if status is Status.SUCCESS:
            parameters.media = _media(vlan)
            parameters.flags |= CallFlag.CALL_PARAMETERS_CHANGED
            status = await call.activate(parameters)
            self.send(call, Kind.CONNECTED if status is Status.SUCCESS else Kind.RELEASE)
        if status is Status.SUCCESS:
            call.where = Where.CONNECTED
        else:
            self.calls.pop(vlan, None)
        return status

    async def cm_close_call(self, vc: CallManagerVc, data: bytes) -> Status:
        """ProtocolCmCloseCall: tell the other side unless it was first, and deactivate the circuit."""
        call: Call = vc.context
        call.where = Where.ENDING
        self.deadlines.stop(call)
        if not call.released:
            await self.ask(call, Message(Kind.RELEASE, call.vlan, data=data))
        await call.deactivate()
        self.calls.pop(call.vlan, None)
        if call.sap is not None:
            # Who has created a circuit deletes it, which it may when the call has ended.
            vc.close_call_complete(Status.SUCCESS)
            vc.delete()
            return Status.PENDING
        return Status.SUCCESS

    def co_delete_vc(self, vc: CallManagerVc) -> Status:
        """ProtocolCoDeleteVc: the circuit goes, whatever has become of its call."""
        if isinstance(vc.context, Call):
            self.deadlines.stop(vc.context)
            self.calls.pop(vc.context.vlan, None)
        return Status.SUCCESS

    def choose_vlan(self, peer: bytes) -> int | None:
        """Return a free VLAN of this station's half; None if all are taken."""
        first = FIRST_VLAN + (self.address > peer)
        return next((vlan for vlan in range(first, LAST_VLAN + 1, 2) if vlan not in self.calls), None)

    # Calls that come from the cable.

    def set_up(self, peer: bytes, message: Message) -> None:
        """SETUP: create and activate a circuit for the client whose SAP it is for."""
        dialled = Dialled.decode(message.data)
        sap = self.find(dialled.sap) if dialled else None
        call = Call(message.vlan, peer, Where.OFFERED, sap)
        if sap is None or message.vlan in self.calls:
            self.refuse(call, Status.INVALID_SAP if sap is None else Status.VC_NOT_AVAILABLE)
            return
        status, call.vc = sap.af.create_vc(call)
        if call.vc is None:
            self.refuse(call, status)
            return
        self.calls[message.vlan] = call
        parameters = CallParameters(manager=CallManagerParameters(specific=message.data), media=_media(message.vlan))
        status = call.vc.activate(parameters)
        if status is not Status.PENDING:
            self.cm_activate_vc_complete(call.vc, status, parameters)

    def cm_activate_vc_complete(self, vc: CallManagerVc, status: Status, parameters: CallParameters) -> None:
        """ProtocolCmActivateVcComplete: go on where it was waited for, or offer the call that has come."""
        call: Call = vc.context
        if call.changed(status):
            return
        if status is not Status.SUCCESS or call.sap is None:
            self.refuse(call, status)
            self.forget(call)
            return
        status = vc.dispatch_incoming_call(call.sap, parameters)
        if status is not Status.PENDING:
            self.cm_incoming_call_complete(vc, status, parameters)

    def cm_incoming_call_complete(self, vc: CallManagerVc, status: Status, parameters: CallParameters) -> None:
        """ProtocolCmIncomingCallComplete: answer the caller; a call that was refused needs its circuit no more."""
        call: Call = vc.context
        if status is not Status.SUCCESS:
            self.refuse(call, status)
            status = vc.deactivate()
            if status is not Status.PENDING:
                self.cm_deactivate_vc_complete(vc, status)
            return
        call.where = Where.ACCEPTED
        if call.released:
            # The caller has given up while the client was thinking.
            vc.dispatch_incoming_close_call(Status.SUCCESS)
            return
        self.send(call, Kind.ACCEPT)
        self.deadlines.start(call)

    def cm_deactivate_vc_complete(self, vc: CallManagerVc, status: Status) -> None:
        """ProtocolCmDeactivateVcComplete: go on where it was waited for, or forget the call."""
        call: Call = vc.context
        if not call.changed(status):
            self.forget(call)

    def connected(self, call: Call) -> None:
        """CONNECTED: the caller's circuit is active."""
        if call.where is Where.ACCEPTED and call.vc is not None:
            call.where = Where.CONNECTED
            self.deadlines.stop(call)
            call.vc.dispatch_call_connected()

    def release(self, call: Call, status: Status, data: bytes = b"") -> None:
        """The other side ends the call, or is gone: have the client close it, once."""
        self.deadlines.stop(call)
        first, call.released = not call.released, True
        if call.answered(Status.SUCCESS if call.where is Where.ENDING else Status.NOT_ACCEPTED):
            return
        if first and call.where in {Where.ACCEPTED, Where.CONNECTED} and call.vc is not None:
            call.vc.dispatch_incoming_close_call(status, data)

    def refuse(self, call: Call, status: Status) -> None:
        """Answer a SETUP with a status that is no success."""
        self.refused += 1
        self.messenger.send(call.peer, Message(Kind.REFUSE, call.vlan, status))

    def forget(self, call: Call) -> None:
        """Delete the inactive circuit of a call that came from the cable."""
        self.calls.pop(call.vlan, None)
        if call.vc is not None:
            call.vc.delete()

    # What goes over the cable.

    def send(self, call: Call, kind: Kind) -> None:
        """Send a message that says no more than its kind."""
        self.messenger.send(call.peer, Message(kind, call.vlan))

    async def ask(self, call: Call, message: Message) -> Status:
        """Send a message and wait for the answer; DEST_OUT_OF_ORDER if none comes in time."""
        answer = call.answer()
        self.deadlines.start(call)
        self.messenger.send(call.peer, message)
        status: Status = await answer
        self.deadlines.stop(call)
        return status

    def give_up(self, call: Call) -> None:
        """A peer has not answered in time."""
        self.timed_out += 1
        if not call.answered(Status.DEST_OUT_OF_ORDER):
            # It was accepted here, and the caller has never said that it is connected.
            self.release(call, Status.DEST_OUT_OF_ORDER)

    def co_send_complete(self, vc: VcEnd, packets: Sequence[Packet], status: Status) -> None:
        """ProtocolCoSendComplete: the packets can carry the next messages."""
        self.messenger.take_back(packets)

    def co_receive_packets(self, vc: VcEnd, packets: Sequence[Packet]) -> int:
        """ProtocolCoReceivePacket: act on messages, keep nothing."""
        for packet in packets:
            frame = packet.read()
            message = Message.parse(frame)
            if message is not None:
                self.act(frame[6:12], message)
        return 0

    def act(self, peer: bytes, message: Message) -> None:
        """Do what a message of `peer` asks for; an end is acknowledged whether its call is known or not."""
        kind, call = message.kind, self.calls.get(message.vlan)
        if kind is Kind.SETUP:
            self.set_up(peer, message)
        elif kind is Kind.RELEASE:
            self.messenger.send(peer, Message(Kind.RELEASED, message.vlan))
            if call is not None and call.peer == peer:
                self.release(call, Status.SUCCESS, message.data)
        elif call is None or call.peer != peer:
            if kind is Kind.ACCEPT:
                # This call has been given up; let the other side end it, too.
                self.messenger.send(peer, Message(Kind.RELEASE, message.vlan))
        elif kind is Kind.CONNECTED:
            self.connected(call)
        else:
            call.answered(message.status if kind is Kind.REFUSE else Status.SUCCESS)


def _media(vlan: int) -> MediaParameters:
    """Return the media parameters that put a circuit on `vlan`."""
    return MediaParameters(specific=vlan.to_bytes(2, "big"))
