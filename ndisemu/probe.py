"""Hooks at the borders of the emulation, which are None while nobody watches.

The one idea: a place where something worth knowing happens costs one `if` on
a slot that is usually None, and a watcher is given plain facts after they
happened. A watcher cannot influence the run; nothing a hook returns is read.
"""

from collections.abc import Callable

EventHook = Callable[[str, str, int, str], None]


class Probe:
    """The hooks of one emulation.

    `event(kind, actor, count, detail)` is called for every step of a burst's
    way: `kind` is a word such as `send`, `actor` the name of the adapter or
    card, `count` how many packets, frames or bytes of state it concerned.
    """

    __slots__ = ("event",)

    def __init__(self) -> None:
        self.event: EventHook | None = None
