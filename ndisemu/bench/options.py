"""What the command line asks of a benchmark.

Every mode is given the same options and takes what it has a use for; its
notes say what it did. All have defaults, so `mode(Options())` is a whole
measurement, and a test asks for little with `Options(runs=1, frames=100)`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Build: TypeAlias = Literal["free", "checked"]
Driver: TypeAlias = Literal["ring", "ring6", "ring6-lists", "legacy"]
"""A reference miniport; `ring6-lists` is `ring6` that is given each burst in one list, and not in lists of one frame."""
Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many runs of one mode are done, and of how many."""

BUILDS: Final[tuple[Build, ...]] = ("free", "checked")
DRIVERS: Final[tuple[Driver, ...]] = ("ring", "ring6", "ring6-lists", "legacy")
IN_LISTS: Final[Driver] = "ring6-lists"


def _silent(_done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes in bytes without FCS, bursts in frames per send, the miniports to compare, and how much is run how often.

    Build "free" leaves every probe hook None; "checked" attaches the event hook and the verifier. `frames` is what one run sends.
    """

    sizes: tuple[int, ...] = (64, 1500)
    bursts: tuple[int, ...] = (1, 8, 64)
    drivers: tuple[Driver, ...] = ("ring", "ring6", "ring6-lists")
    build: Build = "free"
    runs: int = 5
    frames: int = 50_000
    progress: Progress = _silent

    def of_miniports(self) -> "Options":
        """Return the options for a mode in which it makes no difference how a burst is sent: each miniport once."""
        drivers: dict[Driver, None] = dict.fromkeys(
            "ring6" if driver == IN_LISTS else driver for driver in self.drivers
        )
        return replace(self, drivers=tuple(drivers))
