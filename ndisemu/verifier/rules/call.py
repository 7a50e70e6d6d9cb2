"""What holds for every call, whatever it is about: the border itself looks, and no other rule does after a breach."""

from typing import Final

from ndisemu.verifier.rule import EVERY, Rule


class CallArgument(Rule):
    """A routine is given what it takes: packets where it takes packets, a status where it takes a status."""

    id = "call-argument"
    models = EVERY
    source = "the prototype of each routine"
    why = (
        "C compiles what fits in a register. On Windows a wrong pointer is read as whatever lies there, and the crash "
        "comes later and elsewhere."
    )


class DescriptorWhole(Rule):
    """A packet or list that is handed to NDIS has all of its fields, and is equal to no other."""

    id = "descriptor-whole"
    models = EVERY
    source = "ndisemu: a driver in Python can delete what in C has a fixed place"
    why = "NDIS and the next driver read the fields without asking whether they are there."


RULES: Final[tuple[type[Rule], ...]] = (CallArgument, DescriptorWhole)
