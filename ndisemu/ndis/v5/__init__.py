"""NDIS 5.1 as drivers see it: the classes to derive from and the library they call."""

from ndisemu.ndis.miniportlibrary import RegisterSpace
from ndisemu.ndis.v5.binding import Binding
from ndisemu.ndis.v5.context import ReceiveContext
from ndisemu.ndis.v5.interrupt import Interrupt
from ndisemu.ndis.v5.library import MiniportLibrary
from ndisemu.ndis.v5.miniport import AdapterInfo, Miniport
from ndisemu.ndis.v5.protocol import BindContext, Protocol

__all__ = [
    "AdapterInfo",
    "BindContext",
    "Binding",
    "Interrupt",
    "Miniport",
    "MiniportLibrary",
    "Protocol",
    "ReceiveContext",
    "RegisterSpace",
]
