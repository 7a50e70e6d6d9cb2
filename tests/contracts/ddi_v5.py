"""What the documents say of NDIS 5.x, and `wdm.h` of Io...: names, IRQLs and kinds of the routines that are built."""

from collections.abc import Mapping
from typing import Final

from ndisemu.ndis import BaseBinding, v5
from ndisemu.ndis.miniportlibrary import BaseMiniportLibrary
from ndisemu.ndis.v5.packetbinding import PacketBinding

# A name, the IRQL it is called at or may be called at, and its kind.
ENTRIES: Final = """
MiniportInitialize          == PASSIVE   PASSIVE_LEVEL only
MiniportHalt                == PASSIVE   PASSIVE_LEVEL only
MiniportSend                <= DISPATCH  may pend
MiniportSendPackets         <= DISPATCH  may pend
MiniportCancelSendPackets   <= DISPATCH  immediate
MiniportReturnPacket        <= DISPATCH  immediate
MiniportAllocateComplete    <= DISPATCH  immediate
MiniportISR                 == DIRQL     immediate
MiniportHandleInterrupt     == DISPATCH  immediate
MiniportDisableInterrupt    == DIRQL     immediate
MiniportEnableInterrupt     == DIRQL     immediate
MiniportQueryInformation    <= DISPATCH  may pend
MiniportSetInformation      <= DISPATCH  may pend
MiniportCheckForHang        == DISPATCH  immediate
MiniportReset               == DISPATCH  may pend
MiniportPnPEventNotify      == PASSIVE   PASSIVE_LEVEL only
MiniportShutdown            any          immediate
ProtocolBindAdapter         == PASSIVE   PASSIVE_LEVEL only
ProtocolUnbindAdapter       == PASSIVE   PASSIVE_LEVEL only
ProtocolSendComplete        == DISPATCH  immediate
ProtocolReceivePacket       == DISPATCH  immediate
ProtocolRequestComplete     == DISPATCH  immediate
ProtocolResetComplete       == DISPATCH  immediate
ProtocolStatus              <= DISPATCH  immediate
ProtocolStatusComplete      <= DISPATCH  immediate
ProtocolPnPEvent            == PASSIVE   may pend
ProtocolOpenAdapterComplete  == PASSIVE  PASSIVE_LEVEL only
ProtocolCloseAdapterComplete  == PASSIVE  PASSIVE_LEVEL only
MiniportTransferData        == DISPATCH  may pend
ProtocolReceive             == DISPATCH  immediate
ProtocolReceiveComplete     == DISPATCH  immediate
ProtocolTransferDataComplete  == DISPATCH  immediate
"""

CALLS: Final = """
NdisMSetAttributesEx           == PASSIVE
NdisMMapIoSpace                == PASSIVE
NdisReadRegisterUlong          any
NdisWriteRegisterUlong         any
NdisMRegisterInterrupt         == PASSIVE
NdisMDeregisterInterrupt       == PASSIVE
NdisMSynchronizeWithInterrupt  <= DIRQL
NdisMInitializeTimer           == PASSIVE
NdisMSetTimer                  <= DISPATCH
NdisMAllocateSharedMemory      == PASSIVE
NdisMAllocateSharedMemoryAsync <= DISPATCH
NdisMFreeSharedMemory          == PASSIVE
NdisAllocatePacketPoolEx       <= DISPATCH
NdisFreePacketPool             <= DISPATCH
NdisAllocatePacket             <= DISPATCH
NdisAllocateBufferPool         <= DISPATCH
NdisFreeBufferPool             <= DISPATCH
NdisAllocateBuffer             <= DISPATCH
NdisFreeBuffer                 <= DISPATCH
NdisMSendComplete              <= DISPATCH
NdisMSendResourcesAvailable    == DISPATCH
NdisMIndicateReceivePacket     <= DISPATCH
NdisMEthIndicateReceive        == DISPATCH
NdisMEthIndicateReceiveComplete  == DISPATCH
NdisMTransferDataComplete      == DISPATCH
NdisTransferData               == DISPATCH
NdisGetReceivedPacket          <= DISPATCH
NdisMQueryInformationComplete  <= DISPATCH
NdisMSetInformationComplete    <= DISPATCH
NdisMResetComplete             <= DISPATCH
NdisMIndicateStatus            <= DISPATCH
NdisMIndicateStatusComplete    <= DISPATCH
NdisAllocateSpinLock           any
NdisFreeSpinLock               == PASSIVE
NDIS_RAISE_IRQL_TO_DISPATCH    <= DISPATCH
NDIS_LOWER_IRQL                any
NdisScheduleWorkItem           <= DISPATCH
NdisInitializeEvent            == PASSIVE
NdisMSleep                     < DISPATCH
NdisStallExecution             any
NdisOpenAdapter                == PASSIVE
NdisCloseAdapter               == PASSIVE
NdisCompleteBindAdapter        == PASSIVE
NdisCompleteUnbindAdapter      == PASSIVE
NdisCompletePnPEvent           == PASSIVE
NdisReset                      <= DISPATCH
NdisSend                       <= DISPATCH
NdisSendPackets                <= DISPATCH
NdisCancelSendPackets          <= DISPATCH
NdisReturnPackets              <= DISPATCH
NdisRequest                    <= DISPATCH
NdisGetCurrentSystemTime       any
NdisInitializeTimer            == PASSIVE
IoCallDriver                   <= DISPATCH
IoCancelIrp                    <= DISPATCH
"""

FACES: Final = (
    v5.Miniport,
    v5.Protocol,
    v5.MiniportLibrary,
    BaseMiniportLibrary,
    v5.RegisterSpace,
    v5.BindContext,
    v5.Binding,
    PacketBinding,
    BaseBinding,
)

# Routines that both miniports and protocols call, and one that protocols may await or not.
ON_BOTH_SIDES: Final = ("NdisAllocatePacketPoolEx", "NdisGetCurrentSystemTime", "NdisCloseAdapter")

# Public methods that are no routine of the DDK, by the reason.
EXCEPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "NdisRequest and the wait for its end in one; `request` bears the contract": (
        "BaseBinding.query",
        "BaseBinding.set",
    ),
    "the explicit form of NdisOpenAdapter, whose awaitable one bears the contract": ("BindContext.start_open",),
    "called by NDIS, not by a protocol": (
        "BaseBinding.net_event",
        "BaseBinding.tell_status",
        "Binding.net_event",
        "Binding.tell_status",
        "BaseBinding.fail",
        "BaseBinding.free_pools",
        "BaseBinding.look_whether_quiet",
        "BaseBinding.opened",
        "BaseBinding.outstanding",
        "BaseBinding.pause",
        "BaseBinding.refuse_sends",
        "BaseBinding.request_completed",
        "BaseBinding.restart",
        "BaseBinding.tell",
        "BaseBinding.tell_request_complete",
        "BaseBinding.unbind",
        "Binding.connect",
        "Binding.copied",
        "Binding.indicated",
        "Binding.outstanding",
        "Binding.receive_completed",
        "Binding.received",
        "Binding.refuse_sends",
        "Binding.returned_too_much",
        "Binding.sends_completed",
        "Binding.tell_request_complete",
        "Binding.transfer_completed",
        "Binding.unbind",
        "PacketBinding.free_pools",
    ),
}
