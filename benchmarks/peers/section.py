"""The session as a `Section`: a row for each peer and size, what a frame went through beside each rate."""

import platform
from collections.abc import Mapping
from typing import Final

from benchmarks.peers.ixy import PUBLISHED, SOURCE, Published
from benchmarks.peers.measure import Measured, Session
from ndisemu.bench.section import Column, Section, Target, Value

COLUMNS: Final = (
    Column("peer", "peer"),
    Column("version", "version"),
    Column("size", "size (B)", "d"),
    Column("frames_per_cpu_s", "frames/CPU s", ",d"),
    Column("spread", "spread", ".1%"),
    Column("ndisemu_times_as_fast", "ndisemu is ... times as fast", ".2f"),
    Column("state", "state"),
    Column("does", "what a frame goes through"),
)
OURSELVES: Final = "ndisemu"
PROTOTYPE: Final = "bare prototype"
UNIT: Final = "frames per CPU second"


def section(session: Session) -> Section:
    """Put the figures of a session beside each other, those measured first, then those quoted, then those missing."""
    ours = {measured.size: measured for measured in session.measured if measured.peer.name == OURSELVES}
    return Section(
        name="peers",
        title="Frames per CPU second, ndisemu and its peers in one session",
        columns=COLUMNS,
        rows=(
            *(_measured(measured, ours) for measured in session.measured),
            *(_published(published, ours) for published in PUBLISHED),
            *(_missing(name, reason) for name, reason in session.missing.items()),
        ),
        targets=(*_targets(session, ours), *_published_targets(ours)),
        notes=(*_features(session, ours), *_conditions(session)),
    )


def _measured(measured: Measured, ours: Mapping[int, Measured]) -> Mapping[str, Value]:
    peer, mine = measured.peer, ours.get(measured.size)
    return {
        "peer": peer.name,
        "version": peer.version,
        "size": measured.size,
        "frames_per_cpu_s": measured.rate,
        "spread": round(measured.spread, 4),
        "ndisemu_times_as_fast": None if mine in {None, measured} else round(mine.beside(measured), 3),
        "state": "measured",
        "does": peer.does,
    }


def _published(published: Published, ours: Mapping[int, Measured]) -> Mapping[str, Value]:
    mine = ours.get(published.size)
    return {
        "peer": published.name,
        "version": published.version,
        "size": published.size,
        "frames_per_cpu_s": published.rate,
        "spread": None,
        "ndisemu_times_as_fast": None if mine is None else round(mine.rate / published.rate, 3),
        "state": f"published, not measured here: {SOURCE}",
        "does": published.does,
    }


def _missing(name: str, reason: str) -> Mapping[str, Value]:
    return {**dict.fromkeys(column.key for column in COLUMNS), "peer": name, "state": f"skipped: {reason}"}


def _targets(session: Session, ours: Mapping[int, Measured]) -> list[Target]:
    """At least as fast as each peer of which that was promised, with what that peer does."""
    return [
        Target(_what(measured.size, measured.peer.name, measured.peer.does), UNIT, measured.rate, mine.rate)
        for measured in session.measured
        if measured.peer.promised and (mine := ours.get(measured.size)) is not None
    ]


def _published_targets(ours: Mapping[int, Measured]) -> list[Target]:
    return [
        Target(_what(one.size, f"{one.name}, as published", one.does), UNIT, one.rate, mine.rate)
        for one in PUBLISHED
        if one.promised and (mine := ours.get(one.size)) is not None
    ]


def _what(size: int, name: str, does: str) -> str:
    return f"{size} B, at least as fast as {name}: {does}"


def _features(session: Session, ours: Mapping[int, Measured]) -> list[str]:
    """What the features cost: the ratio to the prototype that has none."""
    return [
        f"{measured.size} B: ndisemu reaches {ours[measured.size].beside(measured):.0%} of the bare prototype; "
        "the rest is what NDIS, its states and statistics, the kernel's order and the card's registers and filters cost"
        for measured in session.measured
        if measured.peer.name == PROTOTYPE and measured.size in ours
    ]


def _conditions(session: Session) -> list[str]:
    machine = (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}"
    )
    return [
        f"Figure: the median of {session.runs} runs after a warm-up, in turn with the others, every other round backwards",
        "Spread: (highest - lowest) / median; times as fast: the median over rounds, both of the same round",
        "CPU time of the process that carries the frames, user and system; setting up is not counted",
        "No peer records, paces or delays anything, which is the fastest that each can be set to",
        "Quoted rates are packets per second of a whole core of another machine, and compare with that reserve",
        f"{machine}; calibration: {session.calibration / 1e6:.1f} M steps of a fixed loop per CPU second",
    ]
