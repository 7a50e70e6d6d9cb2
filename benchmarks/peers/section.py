"""The session as a `Section`: a row for each peer and size, what a frame went through beside each rate."""

import platform
from collections.abc import Mapping
from typing import Final

from benchmarks.peers.ixy import PUBLISHED, SOURCE, Published
from benchmarks.peers.measure import Measured, Session
from ndisemu.bench.section import Column, Section, Target, Value

# What every row has; the table shows the first few, and what a peer does stands in the notes.
COLUMNS: Final = (
    Column("peer", "peer", role="case"),
    Column("size", "size (B)", "d", role="case"),
    Column("frames_per_cpu_s", "frames/CPU s", ",d", role="rate"),
    Column("spread", "spread", ".1%"),
    Column("ndisemu_times_as_fast", "ndisemu, times as fast", ".2f"),
)
KEYS: Final = (*(column.key for column in COLUMNS), "version", "state", "does")
OURSELVES: Final = "ndisemu"
PROTOTYPE: Final = "bare prototype"
UNIT: Final = "frames/CPU s"


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
        notes=(*_features(session, ours), *_peers(session), *_conditions(session)),
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
        "state": "published",
        "does": published.does,
    }


def _missing(name: str, reason: str) -> Mapping[str, Value]:
    return {**dict.fromkeys(KEYS), "peer": name, "state": f"skipped: {reason}"}


def _targets(session: Session, ours: Mapping[int, Measured]) -> list[Target]:
    """At least as fast as each peer of which that was promised."""
    return [
        Target(f"{measured.size} B, as fast as {measured.peer.name}", UNIT, measured.rate, mine.rate)
        for measured in session.measured
        if measured.peer.promised and (mine := ours.get(measured.size)) is not None
    ]


def _published_targets(ours: Mapping[int, Measured]) -> list[Target]:
    return [
        Target(f"{one.size} B, as fast as {one.name}", UNIT, one.rate, mine.rate)
        for one in PUBLISHED
        if one.promised and (mine := ours.get(one.size)) is not None
    ]


def _features(session: Session, ours: Mapping[int, Measured]) -> list[str]:
    """What the features cost: the ratio to the prototype that has none."""
    return [
        f"{measured.size} B: ndisemu reaches {ours[measured.size].beside(measured):.0%} of the bare prototype; "
        "the rest is what NDIS, its states and statistics, the kernel's order and the card's registers and filters cost"
        for measured in session.measured
        if measured.peer.name == PROTOTYPE and measured.size in ours
    ]


def _peers(session: Session) -> list[str]:
    """What a frame goes through in each of them: the rates compare only as far as that does."""
    measured = dict.fromkeys(f"{one.peer.name} {one.peer.version}: {one.peer.does}" for one in session.measured)
    quoted = dict.fromkeys(f"ixy.py, published, not measured here ({SOURCE}): {one.does}" for one in PUBLISHED)
    missing = [f"{name} was skipped: {reason}" for name, reason in session.missing.items()]
    return [*measured, *quoted, *missing]


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
