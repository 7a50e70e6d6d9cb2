"""Connection-oriented NDIS as drivers see it: clients and call managers, and miniports that carry virtual circuits.

A client asks a call manager for a call, the call manager has the miniport
activate a virtual circuit for it, and data then moves on the circuit between
client and miniport, in order and without filters. Each object is owned by
whoever created it, and each driver has a handle of its own with its own
context.

What moves on circuits is packets here, and NET_BUFFER_LISTs in `v6`; all the
rest is the same in both generations.

Not here: miniports that are their own call managers (MCM), and calls with
more than two parties.

Source: NDIS reference 6, seeds 001 and 003.
"""

from ndisemu.ndis.co import v6
from ndisemu.ndis.co.address_family import CallManagerAf, ClientAf
from ndisemu.ndis.co.binding import CoBinding
from ndisemu.ndis.co.ends import CallManagerVc, ClientVc, VcEnd
from ndisemu.ndis.co.library import MiniportLibrary
from ndisemu.ndis.co.miniport import Miniport
from ndisemu.ndis.co.parameters import (
    NOT_SPECIFIED,
    AddressFamilyId,
    CallFlag,
    CallManagerParameters,
    CallParameters,
    CoSap,
    FamilyId,
    FlowSpec,
    MediaFlag,
    MediaParameters,
)
from ndisemu.ndis.co.protocol import BindContext, CallManager, Client, Protocol
from ndisemu.ndis.co.request import CoRequest
from ndisemu.ndis.co.sap import CallManagerSap, ClientSap
from ndisemu.ndis.co.vc import VirtualCircuit

__all__ = [
    "NOT_SPECIFIED",
    "AddressFamilyId",
    "BindContext",
    "CallFlag",
    "CallManager",
    "CallManagerAf",
    "CallManagerParameters",
    "CallManagerSap",
    "CallManagerVc",
    "CallParameters",
    "Client",
    "ClientAf",
    "ClientSap",
    "ClientVc",
    "CoBinding",
    "CoRequest",
    "CoSap",
    "FamilyId",
    "FlowSpec",
    "MediaFlag",
    "MediaParameters",
    "Miniport",
    "MiniportLibrary",
    "Protocol",
    "VcEnd",
    "VirtualCircuit",
    "v6",
]
