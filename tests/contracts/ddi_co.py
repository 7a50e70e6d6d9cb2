"""What the documents say of connection-oriented NDIS, in all generations and in 5.x: names, IRQLs and kinds.

What is different in NDIS 6 is in `ddi_co6`.
"""

from collections.abc import Mapping
from typing import Final

from ndisemu.ndis import co
from ndisemu.ndis.co.address_family import AfEnd
from ndisemu.ndis.co.circuitbinding import CircuitBinding
from ndisemu.ndis.co.circuitlibrary import CircuitLibrary
from ndisemu.ndis.co.circuitminiport import CircuitMiniport
from ndisemu.ndis.co.roles import BaseProtocol, ClientRole, ManagerRole

# A name, the IRQL it is called at or may be called at, and its kind.
ENTRIES: Final = """
MiniportCoCreateVc               <= DISPATCH  immediate
MiniportCoDeleteVc               <= DISPATCH  immediate
MiniportCoActivateVc             <= DISPATCH  may pend
MiniportCoDeactivateVc           <= DISPATCH  may pend
MiniportCoSendPackets            <= DISPATCH  may pend
MiniportCoRequest                <= DISPATCH  may pend
ProtocolBindAdapter              == PASSIVE   PASSIVE_LEVEL only
ProtocolUnbindAdapter            == PASSIVE   PASSIVE_LEVEL only
ProtocolCoSendComplete           <= DISPATCH  immediate
ProtocolCoReceivePacket          <= DISPATCH  immediate
ProtocolReceiveComplete          == DISPATCH  immediate
ProtocolCoStatus                 <= DISPATCH  immediate
ProtocolCoAfRegisterNotify       == PASSIVE   PASSIVE_LEVEL only
ProtocolCoRequest                <= DISPATCH  may pend
ProtocolCoRequestComplete        <= DISPATCH  immediate
ProtocolCoCreateVc               <= DISPATCH  immediate
ProtocolCoDeleteVc               <= DISPATCH  immediate
ProtocolClOpenAfComplete         <= DISPATCH  immediate
ProtocolClCloseAfComplete        <= DISPATCH  immediate
ProtocolClNotifyCloseAf          == PASSIVE   may pend
ProtocolClRegisterSapComplete    <= DISPATCH  immediate
ProtocolClDeregisterSapComplete  <= DISPATCH  immediate
ProtocolClMakeCallComplete       <= DISPATCH  immediate
ProtocolClCloseCallComplete      <= DISPATCH  immediate
ProtocolClIncomingCall           <= DISPATCH  may pend
ProtocolClCallConnected          <= DISPATCH  immediate
ProtocolClIncomingCloseCall      <= DISPATCH  immediate
ProtocolCmOpenAf                 == PASSIVE   may pend
ProtocolCmCloseAf                <= DISPATCH  may pend
ProtocolCmNotifyCloseAfComplete  <= DISPATCH  immediate
ProtocolCmRegisterSap            <= DISPATCH  may pend
ProtocolCmDeregisterSap          <= DISPATCH  may pend
ProtocolCmMakeCall               <= DISPATCH  may pend
ProtocolCmCloseCall              <= DISPATCH  may pend
ProtocolCmIncomingCallComplete   <= DISPATCH  immediate
ProtocolCmActivateVcComplete     <= DISPATCH  immediate
ProtocolCmDeactivateVcComplete   <= DISPATCH  immediate
"""

CALLS: Final = """
NdisMCoActivateVcComplete               <= DISPATCH
NdisMCoDeactivateVcComplete             <= DISPATCH
NdisMCoSendComplete                     <= DISPATCH
NdisMCoIndicateReceivePacket            <= DISPATCH
NdisMCoReceiveComplete                  <= DISPATCH
NdisMCoRequestComplete                  <= DISPATCH
NdisMCoIndicateStatus                   <= DISPATCH
NdisCoSendNetBufferLists                <= DISPATCH
NdisOpenAdapter                         == PASSIVE
NdisCompleteBindAdapter                 == PASSIVE
NdisCloseAdapter                        == PASSIVE
NdisReturnPackets                       <= DISPATCH
NdisCoRequest                           <= DISPATCH
NdisCoRequestComplete                   <= DISPATCH
NdisCoCreateVc                          <= DISPATCH
NdisCoDeleteVc                          <= DISPATCH
NdisCoSendPackets                       <= DISPATCH
NdisClOpenAddressFamily                 == PASSIVE
NdisClCloseAddressFamily                <= DISPATCH
NdisClNotifyCloseAddressFamilyComplete  <= DISPATCH
NdisClRegisterSap                       <= DISPATCH
NdisClDeregisterSap                     <= DISPATCH
NdisClMakeCall                          <= DISPATCH
NdisClCloseCall                         <= DISPATCH
NdisClModifyCallQoS                     <= DISPATCH
NdisClAddParty                          <= DISPATCH
NdisClDropParty                         <= DISPATCH
NdisClIncomingCallComplete              <= DISPATCH
NdisCmRegisterAddressFamily             == PASSIVE
NdisCmNotifyCloseAddressFamily          == PASSIVE
NdisCmOpenAddressFamilyComplete         <= DISPATCH
NdisCmCloseAddressFamilyComplete        <= DISPATCH
NdisCmRegisterSapComplete               <= DISPATCH
NdisCmDeregisterSapComplete             <= DISPATCH
NdisCmActivateVc                        <= DISPATCH
NdisCmDeactivateVc                      <= DISPATCH
NdisCmMakeCallComplete                  <= DISPATCH
NdisCmCloseCallComplete                 <= DISPATCH
NdisCmDispatchIncomingCall              <= DISPATCH
NdisCmDispatchCallConnected             <= DISPATCH
NdisCmDispatchIncomingCloseCall         <= DISPATCH
NdisCmDispatchIncomingCallQoSChange     <= DISPATCH
"""

FACES: Final = (
    CircuitMiniport,
    CircuitLibrary,
    BaseProtocol,
    ClientRole,
    ManagerRole,
    CircuitBinding,
    co.Miniport,
    co.MiniportLibrary,
    co.Protocol,
    co.BindContext,
    co.CoBinding,
    AfEnd,
    co.ClientAf,
    co.CallManagerAf,
    co.ClientSap,
    co.CallManagerSap,
    co.VcEnd,
    co.ClientVc,
    co.CallManagerVc,
)

# Routines that clients and call managers both have, each in its own class, and those with or without an address family.
ON_BOTH_SIDES: Final = ("NdisCoCreateVc", "NdisCoRequest", "ProtocolCoCreateVc", "ProtocolCoDeleteVc")

# Public methods that are no routine of the DDK, by the reason.
EXCEPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "called by NDIS, not by a protocol": (
        "ClientAf.abandon",
        "ClientAf.open",
        "ClientSap.abandon",
        "ClientSap.register",
        "CircuitBinding.bug_check",
        "CircuitBinding.circuit_received",
        "CircuitBinding.circuit_sent",
        "CircuitBinding.enter",
        "CircuitBinding.fail",
        "CircuitBinding.forget",
        "CircuitBinding.look_at_circuits",
        "CircuitBinding.refusal",
        "CircuitBinding.remember",
        "CircuitBinding.report",
        "CircuitBinding.running_cpu",
        "CircuitBinding.take_role",
        "CircuitBinding.tell_request_complete",
        "CircuitBinding.tell_status",
        "CircuitBinding.tell_vc_status",
        "CoBinding.circuit_received",
        "CoBinding.circuit_sent",
        "CoBinding.receive_complete",
        "CoBinding.refuse_sends",
        "CoBinding.unbind",
    ),
}
