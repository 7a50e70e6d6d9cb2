"""Multipacket sends with modelled costs: how long the array is that a protocol gives to NDIS in one call.

A call of the miniport's send entry costs the same whatever it is given, and
so does a doorbell; an array shares them among its packets. `legacy` has
MiniportSend and is called once for each packet, however long the array; what
it gains is the protocol's.

Source: seed 001 (multipacket sends), `kernel.costs` for the figures.
"""

from itertools import product
from typing import Final

from ndisemu.bench.modelled import Outcome, Setup, talk
from ndisemu.bench.options import Options
from ndisemu.bench.section import Chart, Column, Section, Target, Value
from ndisemu.kernel import MEASURED
from ndisemu.units import MICROSECOND

ARRAYS: Final = (1, 2, 4, 8, 16, 32, 64)
ARRAY_DRIVERS: Final = ("ring", "ring6")
SINGLE_DRIVER: Final = "legacy"
# So that interrupts, which arrays save as well, do not decide, nor the wire.
ITR: Final = 100 * MICROSECOND
COSTS: Final = MEASURED.times(2)


def multipacket(options: Options) -> Section:
    """Compare arrays of packets with single sends, modelled CPUs.

    In one direction on one CPU, as fast as it goes; of `options` it only tells its progress.
    """
    drivers = (SINGLE_DRIVER, *ARRAY_DRIVERS)
    found: dict[str, dict[int, Outcome]] = {driver: {} for driver in drivers}
    for done, (driver, length) in enumerate(product(drivers, ARRAYS), 1):
        found[driver][length] = _send(driver, length)
        options.progress(done, len(drivers) * len(ARRAYS))
    rows: list[dict[str, Value]] = [
        {"array": length, **{driver: round(found[driver][length].goodput) for driver in drivers}} for length in ARRAYS
    ]
    best = found["ring"][ARRAYS[-1]].goodput / found["ring"][1].goodput
    chart = Chart(
        "Multipacket sends: frames per second over the length of the array",
        "packets in one call",
        "arrived (frames per second)",
        {driver: tuple((length, found[driver][length].goodput) for length in ARRAYS) for driver in drivers},
        logarithmic_x=True,
    )
    return Section(
        "multipacket",
        "Multipacket against single sends",
        (
            Column("array", "packets in one call"),
            *(Column(driver, f"{driver} (frames/s)", ",d") for driver in drivers),
        ),
        tuple(rows),
        (chart,),
        (Target("arrays of 64 against single sends", "x", 1.2, best),),
        (
            (
                "One host sends 60-byte frames to another, on one CPU half as fast as the modelled Pentium III, so that not the "
                "wire is the limit; interrupts are 100 us apart. Virtual time, so no figure depends on this machine."
            ),
            f"{SINGLE_DRIVER} supplies MiniportSend, which NDIS calls for each packet of an array.",
            "What is left at 64 packets is the work for each frame; longer arrays would not help.",
        ),
    )


def _send(driver: str, length: int) -> Outcome:
    return talk(Setup(driver, cpus=1, burst=length, itr=ITR, costs=COSTS, duplex=False))
