"""What holds for every call, whatever it is about."""

from typing import Final

from ndisemu.verifier.rule import EVERY, Refused, Rule


class CallArgument(Refused):
    """A routine is given what it takes: packets where it takes packets, a status where it takes a status."""

    id = "call-argument"
    models = EVERY
    source = "the prototype of each routine"
    why = (
        "C compiles what fits in a register. On Windows a wrong pointer is read as whatever lies there, and the crash "
        "comes later and elsewhere."
    )


RULES: Final[tuple[type[Rule], ...]] = (CallArgument,)
