"""NDIS 6 as drivers see it: the classes to derive from, the library they call, and the flags of its calls."""

from ndisemu.ndis.data.nbl import NblFlag, NblInfo, NblPool, NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.miniportlibrary import RegisterSpace
from ndisemu.ndis.v6.attributes import GeneralAttributes, RegistrationAttributes
from ndisemu.ndis.v6.binding import Binding
from ndisemu.ndis.v6.dma import DmaChannel, SgList
from ndisemu.ndis.v6.flags import (
    HaltAction,
    ReceiveFlag,
    RegistrationFlag,
    ReturnFlag,
    SendCompleteFlag,
    SendFlag,
    ShutdownAction,
)
from ndisemu.ndis.v6.interrupt import Interrupt, Throttle
from ndisemu.ndis.v6.library import MiniportLibrary
from ndisemu.ndis.v6.miniport import InitParameters, Miniport
from ndisemu.ndis.v6.protocol import BindContext, BindParameters, Protocol

__all__ = [
    "BindContext",
    "BindParameters",
    "Binding",
    "DmaChannel",
    "GeneralAttributes",
    "HaltAction",
    "InitParameters",
    "Interrupt",
    "Miniport",
    "MiniportLibrary",
    "NblFlag",
    "NblInfo",
    "NblPool",
    "NetBuffer",
    "NetBufferList",
    "Protocol",
    "ReceiveFlag",
    "RegisterSpace",
    "RegistrationAttributes",
    "RegistrationFlag",
    "ReturnFlag",
    "SendCompleteFlag",
    "SendFlag",
    "SgList",
    "ShutdownAction",
    "Throttle",
]
