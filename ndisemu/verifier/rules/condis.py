"""The rules of connection-oriented NDIS: circuits, calls, SAPs, address families."""

from typing import Final

from ndisemu.verifier.rule import Model, Refused, Rule


class CoDeserialized(Refused):
    """A connection-oriented miniport is deserialized."""

    id = "co-deserialized"
    models = Model.CIRCUITS
    source = "seed 003"
    why = "NDIS takes no lock for circuits."


class CoCreatevcSync(Refused):
    """A handler of NdisCoCreateVc does its work at once, and returns a final status."""

    id = "co-createvc-sync"
    models = Model.CIRCUITS
    source = "DDK: MiniportCoCreateVc, ProtocolCoCreateVc"
    why = "The creator has its handle when the call returns."


class CoDeletevcSync(Refused):
    """A handler of NdisCoDeleteVc does its work at once, and returns a final status."""

    id = "co-deletevc-sync"
    models = Model.CIRCUITS
    source = "DDK: MiniportCoDeleteVc, ProtocolCoDeleteVc"
    why = "The handle is gone when the call returns."


class CoVcContext(Refused):
    """Each side that accepts a circuit gives it a context of its own."""

    id = "co-vc-context"
    models = Model.CIRCUITS
    source = "DDK: ProtocolCoCreateVc"
    why = "By the context it knows the circuit in every later call."


class CoVcHandleStale(Refused):
    """The handle of a circuit is not used after the circuit was deleted."""

    id = "co-vc-handle-stale"
    models = Model.CIRCUITS
    source = "DDK: NdisCoDeleteVc"
    why = "It may belong to another circuit by then."


class CoActivateBeforeData(Refused):
    """Data moves on an active circuit of a connected call, and on no other."""

    id = "co-activate-before-data"
    models = Model.CIRCUITS
    source = "DDK: NdisCmActivateVc"
    why = "The card has no resources for it yet, or none any more."


class CoActivateComplete(Refused):
    """An activation that pends is completed once, with a final status."""

    id = "co-activate-complete"
    models = Model.CIRCUITS
    source = "DDK: NdisMCoActivateVcComplete"
    why = "The call manager waits for it before it connects the call."


class CoDeactivateComplete(Refused):
    """A deactivation ends once, and with NDIS_STATUS_SUCCESS."""

    id = "co-deactivate-complete"
    models = Model.CIRCUITS
    source = "DDK: NdisMCoDeactivateVcComplete"
    why = "A circuit that cannot be closed can never be deleted."


class CoDeactivateDrain(Refused):
    """A circuit is deactivated when its sends are complete and its receives are back."""

    id = "co-deactivate-drain"
    models = Model.CIRCUITS
    source = "DDK: MiniportCoDeactivateVc"
    why = "The buffers of the circuit are freed next."


class CoDeleteInactive(Refused):
    """A circuit is deleted when it is inactive and its call has ended."""

    id = "co-delete-inactive"
    models = Model.CIRCUITS
    source = "DDK: NdisCoDeleteVc"
    why = "The card would go on with a circuit that nobody knows."


class CoDeleteByCreator(Refused):
    """A circuit is deleted by whoever has created it."""

    id = "co-delete-by-creator"
    models = Model.CIRCUITS
    source = "DDK: NdisCoDeleteVc"
    why = "The other side still counts on it."


class CoDeleteRefused(Refused):
    """A handler accepts that an inactive circuit is deleted."""

    id = "co-delete-refused"
    models = Model.CIRCUITS
    source = "ndisemu: nothing can be done about it"
    why = "NDIS deletes it all the same."


class CoSendCompleteOnce(Refused):
    """What was sent on a circuit is completed once, on that circuit."""

    id = "co-send-complete-once"
    models = Model.CIRCUITS
    source = "DDK: NdisMCoSendComplete"
    why = "The circuit counts what is out, and cannot be deactivated while anything is."


class CoSendUser(Refused):
    """Data of a circuit is sent by the one whose data it carries."""

    id = "co-send-user"
    models = Model.CIRCUITS
    source = "NDIS reference 6.4"
    why = "A call manager would speak in its client's place."


class CoSendGeneration(Refused):
    """Packets are sent on circuits of 5.x, lists on those of NDIS 6."""

    id = "co-send-generation"
    models = Model.CIRCUITS
    source = "NDIS reference 6.4"
    why = "The miniport has no entry point that knows them."


class CoRxReturn(Refused):
    """What was received on a circuit is returned as often as was promised."""

    id = "co-rx-return"
    models = Model.CIRCUITS
    source = "DDK: ProtocolCoReceivePacket, NdisReturnPackets"
    why = "The circuit cannot be deactivated while anything is lent."


class CoIndicateConnectionless(Refused):
    """A connection-oriented miniport indicates on a circuit."""

    id = "co-indicate-connectionless"
    models = Model.CIRCUITS
    source = "DDK: NdisMCoIndicateReceivePacket"
    why = "Nobody could tell whose data it is."


class CoNoCall(Refused):
    """What is about a call is called for a circuit that has one."""

    id = "co-no-call"
    models = Model.CIRCUITS
    source = "NDIS reference 6.2"
    why = "A signalling circuit carries no call."


class CoRole(Refused):
    """A client makes the calls of clients, a call manager those of call managers."""

    id = "co-role"
    models = Model.CIRCUITS
    source = "NDIS reference 6.1"
    why = "Each knows half of the state only."


class CoCompleteOnce(Refused):
    """An operation on a call, a SAP or an address family that pends is completed once, with a final status."""

    id = "co-complete-once"
    models = Model.CIRCUITS
    source = "NDIS reference 6.2"
    why = "The other side has gone on since the first time."


class CoIncomingSequence(Refused):
    """An incoming call is offered on an active circuit, and connected when it was accepted."""

    id = "co-incoming-sequence"
    models = Model.CIRCUITS
    source = "DDK: NdisCmDispatchIncomingCall, NdisCmDispatchCallConnected"
    why = "The client would send on a circuit that does not exist yet."


class CoMakecallOrder(Refused):
    """A call manager activates the circuit before it completes the call with NDIS_STATUS_SUCCESS."""

    id = "co-makecall-complete-order"
    models = Model.CIRCUITS
    source = "DDK: NdisCmMakeCallComplete"
    why = "The client sends at once."


class CoCloseDrain(Refused):
    """A client closes its call when its packets are back."""

    id = "co-close-drain"
    models = Model.CIRCUITS
    source = "DDK: NdisClCloseCall"
    why = "They would be on a circuit that is gone."


class CoIncomingClose(Refused):
    """A client that is told that its call has ended closes it."""

    id = "co-incoming-close"
    models = Model.CIRCUITS
    source = "DDK: ProtocolClIncomingCloseCall"
    why = "The call manager waits for the close before it deletes the circuit."


class CoAfCloseOrder(Refused):
    """Calls are closed, circuits deleted and SAPs deregistered before their address family is closed."""

    id = "co-af-close-order"
    models = Model.CIRCUITS
    source = "DDK: NdisClCloseAddressFamily"
    why = "Nobody is left whom the rest could be told to."


class CoAfHandle(Refused):
    """The handle of an address family is used from its open to its close."""

    id = "co-af-handle"
    models = Model.CIRCUITS
    source = "DDK: NdisClOpenAddressFamily"
    why = "The other side has forgotten it."


class CoOidComplete(Refused):
    """A request between client, call manager and miniport is completed once."""

    id = "co-oid-complete"
    models = Model.CIRCUITS
    source = "DDK: NdisCoRequestComplete, NdisMCoRequestComplete"
    why = "The requester has its memory back since the first time."


class CoStatusVc(Refused):
    """A status of a circuit is indicated for a circuit that is there."""

    id = "co-status-vc"
    models = Model.CIRCUITS
    source = "DDK: NdisMCoIndicateStatus"
    why = "There is nobody whom it could be told."


RULES: Final[tuple[type[Rule], ...]] = (
    CoDeserialized,
    CoCreatevcSync,
    CoDeletevcSync,
    CoVcContext,
    CoVcHandleStale,
    CoActivateBeforeData,
    CoActivateComplete,
    CoDeactivateComplete,
    CoDeactivateDrain,
    CoDeleteInactive,
    CoDeleteByCreator,
    CoDeleteRefused,
    CoSendCompleteOnce,
    CoSendUser,
    CoSendGeneration,
    CoRxReturn,
    CoIndicateConnectionless,
    CoNoCall,
    CoRole,
    CoCompleteOnce,
    CoIncomingSequence,
    CoMakecallOrder,
    CoCloseDrain,
    CoIncomingClose,
    CoAfCloseOrder,
    CoAfHandle,
    CoOidComplete,
    CoStatusVc,
)
