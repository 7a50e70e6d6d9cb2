"""What holds for every call, whatever it is about: the border itself looks, and no other rule does after a breach."""

from typing import Final

from ndisemu.kernel import shown
from ndisemu.ndis import Oid, v6
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import EVERY, Rule, before, touched
from ndisemu.verifier.touch import Touch

# What an OID can be; many that a miniport may be asked for have no name here.
_OIDS: Final = range(1, 0x1_0000_0000)
_FLAGS: Final = sum(v6.ReceiveFlag)
_NO_FLAG: Final = ~_FLAGS


class CallArgument(Rule):
    """A routine is given what it takes: packets where it takes packets, a status where it takes a status."""

    id = "call-argument"
    models = EVERY
    source = "the prototype of each routine"
    why = (
        "C compiles what fits in a register. On Windows a wrong pointer is read as whatever lies there, and the crash "
        "comes later and elsewhere."
    )

    @before("NdisRequest", "NdisOidRequest")
    def asking(self, call: Call) -> None:
        """Look into a request, whose fields the prototype names, too."""
        request = call.argument("request")
        oid, length, data = request.oid, request.length, request.data
        if type(oid) is not Oid and (type(oid) is not int or oid not in _OIDS):
            wrong, right = f"the OID {shown(oid)}", "an Oid, or the number of another one, of 32 bits"
        elif type(length) is not int or length < 0:
            wrong, right = f"a buffer of {shown(length)} bytes", "a length of 0 or more"
        elif not isinstance(data, bytes | bytearray | memoryview):
            wrong, right = f"data of {type(data).__name__}", "bytes"
        else:
            return
        text = f"{call.who.name} called {call.name} with a request with {wrong}; it takes {right}"
        self.broken(text, request, call.who.name)

    @before("NdisMIndicateReceiveNetBufferLists")
    def indicating(self, call: Call) -> None:
        """Look at the two numbers behind the lists."""
        port, flags = call.argument("port", 0), call.argument("flags", 0)
        if port or flags & _NO_FLAG:
            wrong, right = f"the port {port}", "0, the port that every adapter has"
            if not port:
                wrong, right = f"the flags {flags:#x}", f"those of v6.ReceiveFlag, {_FLAGS:#x} together"
            self.broken(
                f"{call.who.name} called {call.name} with {wrong}; it takes {right}", next(iter(call.items), None)
            )


class DescriptorWhole(Rule):
    """A packet or list that is handed to NDIS has all of its fields, and is equal to no other."""

    id = "descriptor-whole"
    models = EVERY
    source = "ndisemu: a driver in Python can delete what in C has a fixed place"
    why = "NDIS and the next driver read the fields without asking whether they are there."


class HandleOpaque(Rule):
    """What NDIS gives a driver to call it with, a binding or its library, is NDIS's: a driver sets and deletes nothing of it.

    Nor of what NDIS itself keeps in packets and lists, which is seen where single fields are watched.
    """

    id = "handle-opaque"
    models = EVERY
    source = "ndisemu: what in C is behind a handle is an object here (NDIS_HANDLE is opaque)"
    why = (
        "NDIS goes on with what it has put there. On Windows a driver that writes behind a handle corrupts NDIS's memory, "
        "and the crash is in NDIS, long after. The checked build refuses it."
    )

    @touched(
        "Packet.owner", "Packet.serial", "Packet.binding", "Packet.references", "NetBufferList.owner", "NetBufferList.serial",
        "NetBufferList.references", "NetBufferList.frame",
    )  # fmt: skip
    def touching(self, touch: Touch) -> None:
        """Look whether a driver here writes."""
        if not touch.write or touch.driver is None:
            return
        adapter, sender = self.watch.adapter, getattr(touch.item, "binding", None)
        if getattr(sender, "adapter", adapter) is not adapter:
            return
        who = adapter.name if touch.driver is adapter.miniport else self.watch.binding_of(touch.driver)
        if who:
            text = f"{who} wrote {touch.field} of {touch.item!r}, which is NDIS's own; keep what is yours in the reserved areas"
            self.broken(text, touch.item, who)


RULES: Final[tuple[type[Rule], ...]] = (CallArgument, DescriptorWhole, HandleOpaque)
