"""What a pair is: a driver that breaks one rule, and its mended twin."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """Two classes that differ in one mistake, which breaks `rule`.

    `wrong` breaks it and what it `implies`, and no other; `right` breaks none. Either is a miniport
    or a protocol, of any generation. `exercise` names what has to be done to them for it to show, which usually is a
    short `life`: traffic both ways, requests, link down and up, a reset, sleep, a pause and a halt.
    """

    rule: str
    wrong: type
    right: type
    exercise: str = "life"
    implies: tuple[str, ...] = ()
