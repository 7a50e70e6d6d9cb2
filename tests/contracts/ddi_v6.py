"""What the documents say of NDIS 6: names, IRQLs and kinds of the routines that are built, and where they stand."""

from collections.abc import Mapping
from typing import Final

from ndisemu.ndis import v6
from ndisemu.ndis.miniportlibrary import BaseMiniportLibrary
from ndisemu.ndis.v6.nblbinding import NblBinding

# A name, the IRQL it is called at or may be called at, and its kind.
ENTRIES: Final = """
MiniportInitializeEx                  == PASSIVE   PASSIVE_LEVEL only
MiniportHaltEx                        == PASSIVE   PASSIVE_LEVEL only
MiniportPause                         == PASSIVE   may pend
MiniportRestart                       == PASSIVE   may pend
MiniportShutdownEx                    any          immediate
MiniportSendNetBufferLists            <= DISPATCH  may pend
MiniportCancelSend                    <= DISPATCH  immediate
MiniportReturnNetBufferLists          <= DISPATCH  immediate
MiniportOidRequest                    == PASSIVE   may pend
MiniportCancelOidRequest              <= DISPATCH  immediate
MiniportCheckForHangEx                == PASSIVE   immediate
MiniportResetEx                       <= DISPATCH  may pend
MiniportDevicePnPEventNotify          == PASSIVE   PASSIVE_LEVEL only
MiniportInterrupt                     == DIRQL     immediate
MiniportInterruptDPC                  == DISPATCH  immediate
MiniportProcessSGList                 == DISPATCH  immediate
MiniportSharedMemoryAllocateComplete  == PASSIVE   immediate
ProtocolBindAdapterEx                 == PASSIVE   PASSIVE_LEVEL only
ProtocolUnbindAdapterEx               == PASSIVE   PASSIVE_LEVEL only
ProtocolNetPnPEvent                   == PASSIVE   PASSIVE_LEVEL only
ProtocolSendNetBufferListsComplete    <= DISPATCH  immediate
ProtocolReceiveNetBufferLists         <= DISPATCH  immediate
ProtocolOidRequestComplete            <= DISPATCH  immediate
ProtocolStatusEx                      <= DISPATCH  immediate
"""

CALLS: Final = """
NdisMSetMiniportAttributes            == PASSIVE
NdisMMapIoSpace                       == PASSIVE
NdisReadRegisterUlong                 any
NdisWriteRegisterUlong                any
NdisMRegisterInterruptEx              == PASSIVE
NdisMDeregisterInterruptEx            == PASSIVE
NdisMSynchronizeWithInterruptEx       <= DIRQL
NdisMQueueDpc                         any
NdisMRegisterScatterGatherDma         == PASSIVE
NdisMDeregisterScatterGatherDma       == PASSIVE
NdisMAllocateNetBufferSGList          == DISPATCH
NdisMFreeNetBufferSGList              == DISPATCH
NdisMAllocateSharedMemory             == PASSIVE
NdisMAllocateSharedMemoryAsyncEx      <= DISPATCH
NdisMFreeSharedMemory                 <= DISPATCH
NdisAllocateNetBufferListPool         <= DISPATCH
NdisFreeNetBufferListPool             <= DISPATCH
NdisAllocateNetBufferAndNetBufferList <= DISPATCH
NdisAllocateMdl                       <= DISPATCH
NdisMSendNetBufferListsComplete       <= DISPATCH
NdisMIndicateReceiveNetBufferLists    <= DISPATCH
NdisMOidRequestComplete               <= DISPATCH
NdisMPauseComplete                    <= DISPATCH
NdisMRestartComplete                  <= DISPATCH
NdisMResetComplete                    <= DISPATCH
NdisMResetMiniport                    <= DISPATCH
NdisMIndicateStatusEx                 <= DISPATCH
NdisMSleep                            < DISPATCH
NdisStallExecution                    any
NdisAllocateTimerObject               <= DISPATCH
NdisSetTimerObject                    <= DISPATCH
NdisQueueIoWorkItem                   <= DISPATCH
NdisAllocateSpinLock                  any
NdisFreeSpinLock                      == PASSIVE
NDIS_RAISE_IRQL_TO_DISPATCH           <= DISPATCH
NDIS_LOWER_IRQL                       any
NdisAllocateRWLock                    <= DISPATCH
NdisInitializeEvent                   == PASSIVE
NdisOpenAdapterEx                     == PASSIVE
NdisCompleteBindAdapterEx             <= DISPATCH
NdisCloseAdapterEx                    == PASSIVE
NdisCompleteNetPnPEvent               == PASSIVE
NdisSendNetBufferLists                <= DISPATCH
NdisCancelSendNetBufferLists          <= DISPATCH
NdisReturnNetBufferLists              <= DISPATCH
NdisOidRequest                        <= DISPATCH
NdisCancelOidRequest                  <= DISPATCH
NdisGetCurrentSystemTime              any
"""

FACES: Final = (
    v6.Miniport,
    v6.Protocol,
    v6.MiniportLibrary,
    BaseMiniportLibrary,
    v6.RegisterSpace,
    v6.DmaChannel,
    v6.BindContext,
    v6.Binding,
    NblBinding,
)

# Routines that both miniports and protocols call.
ON_BOTH_SIDES: Final = ("NdisAllocateNetBufferListPool", "NdisAllocateTimerObject", "NdisGetCurrentSystemTime")

# Public methods that are no routine of the DDK, by the reason.
EXCEPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "a burst of NdisMAllocateNetBufferSGList or NdisMFreeNetBufferSGList in one call": (
        "DmaChannel.map",
        "DmaChannel.unmap",
    ),
    "the wait that every protocol has in NetEventPause": ("NblBinding.drain",),
    "called by NDIS, not by a driver": (
        "Binding.connect",
        "Binding.net_event",
        "Binding.received",
        "Binding.sends_completed",
        "Binding.tell_request_complete",
        "Binding.tell_status",
        "Binding.unbind",
        "DmaChannel.reclaim",
        "NblBinding.free_pools",
        "NblBinding.look_whether_quiet",
        "NblBinding.pause",
        "NblBinding.refuse",
        "NblBinding.refuse_sends",
        "NblBinding.restart",
    ),
}
