"""Connection-oriented NDIS 6 as drivers see it: calls and circuits as in 5.x, and lists for packets.

Handles, parameters and requests are those of `co`.

Source: NDIS reference 6, seed 003.
"""

from ndisemu.ndis.co.v6.binding import CoBinding
from ndisemu.ndis.co.v6.library import MiniportLibrary
from ndisemu.ndis.co.v6.miniport import Miniport
from ndisemu.ndis.co.v6.protocol import BindContext, CallManager, Client, Protocol

__all__ = ["BindContext", "CallManager", "Client", "CoBinding", "Miniport", "MiniportLibrary", "Protocol"]
