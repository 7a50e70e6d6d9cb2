"""A small call manager: calls between stations on one cable, signalled on a circuit of their own.

A caller sends SETUP and waits; the called station offers the call to the
client whose SAP it is for, and answers ACCEPT or REFUSE; the caller activates
its circuit and says CONNECTED, and only now does the called client learn
that data may move. Either side ends the call with RELEASE, which the other
answers with RELEASED. Whoever waits for an answer does so for a while. A call
is known by the VLAN of its circuit, which the caller chooses: even numbers
on the station with the lower address, odd ones on the other; the signalling
circuit itself is VLAN 1 and permanent.

Not here: messages that are lost are not sent again. A SETUP without an answer
is a call that fails, a RELEASE without one a call that ends all the same.

Source: NDIS reference 6.2 and 6.3.
"""

from ndisemu.drivers.protocols.signalling.manager import FAMILY, SignallingManager
from ndisemu.drivers.protocols.signalling.messages import Dialled

__all__ = ["FAMILY", "Dialled", "SignallingManager"]
