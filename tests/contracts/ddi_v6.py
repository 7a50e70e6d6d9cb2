"""What the documents say of NDIS 6: names, IRQLs and kinds of the routines that are built, and where they stand."""

from collections.abc import Mapping
from typing import Final

from ndisemu.ndis import v6
from ndisemu.ndis.miniportlibrary import BaseMiniportLibrary

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
NdisMSleep                            < DISPATCH
NdisStallExecution                    any
NdisAllocateTimerObject               <= DISPATCH
NdisSetTimerObject                    <= DISPATCH
NdisQueueIoWorkItem                   <= DISPATCH
NdisAllocateSpinLock                  any
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
)

# Routines that both miniports and protocols call.
ON_BOTH_SIDES: Final = ("NdisAllocateNetBufferListPool", "NdisAllocateTimerObject", "NdisGetCurrentSystemTime")

# Public methods that are no routine of the DDK, by the reason.
EXCEPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "a burst of NdisMAllocateNetBufferSGList or NdisMFreeNetBufferSGList in one call": (
        "DmaChannel.map",
        "DmaChannel.unmap",
    ),
    "the wait that every protocol has in NetEventPause": ("Binding.drain",),
    "called by NDIS, not by a driver": (
        "BindContext.completed",
        "Binding.connect",
        "Binding.free_pools",
        "Binding.look_whether_quiet",
        "Binding.net_event",
        "Binding.pause",
        "Binding.received",
        "Binding.refuse_sends",
        "Binding.restart",
        "Binding.sends_completed",
        "Binding.tell_request_complete",
        "Binding.unbind",
        "DmaChannel.reclaim",
    ),
}
