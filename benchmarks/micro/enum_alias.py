"""A member of an IntEnum read from its class in a loop, against a plain integer of the module.

Both the reading and the comparing are dearer: a member is no plain integer,
so Python's own shortcuts for those do not apply to it.
"""

from ndisemu.bench.claim import Claim, Comparison, report
from ndisemu.kernel import DISPATCH, Irql


def aliased(count: int) -> None:
    """Compare with the module's integer."""
    level = 1
    for _ in range(count):
        level < DISPATCH  # noqa: B015  the comparison is what is measured


def member(count: int) -> None:
    """Compare with the enum's member."""
    level = 1
    for _ in range(count):
        level < Irql.DISPATCH  # noqa: B015  the comparison is what is measured


def claim() -> Claim:
    """Say why the hot path has plain integers for levels."""
    return Claim(
        "Comparing with a plain integer of the module is at least twice as fast as with an enum member",
        "ndisemu/kernel/irql.py",
        (Comparison("a level compared", ("DISPATCH", aliased), ("Irql.DISPATCH", member), 2),),
    )


if __name__ == "__main__":
    print(report(claim()))
