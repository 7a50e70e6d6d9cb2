"""Handles under guard: what is NDIS's of a binding, an adapter or a library is set by NDIS alone.

In C these are opaque, and a driver has nothing of them but a pointer. Here
they are objects. One under guard changes its class to one that looks at who
sets or deletes an attribute, which only writes pay for: NDIS goes through,
and driver code is refused what it has not put there itself.

Not here: packets, lists and requests, whose fields drivers do set (`touch`).
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from ndisemu.kernel import is_driver_code

Refuse = Callable[[Any, str], None]
# One look for each file, and not for each write.
_is_drivers: Final = cache(is_driver_code)


class Guard:
    """The guarded handles of one emulation; `refuse` is told the handle and what was tried, and raises or lets it pass."""

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        self._classes: dict[type, type] = {}

    def protect(self, handle: Any) -> None:
        """Guard a handle, with all that it has by now, from now on."""
        kind = type(handle)
        if kind not in self._classes:
            self._classes[kind] = self._guarded(kind, frozenset(dir(handle)))
        handle.__class__ = self._classes[kind]

    def _guarded(self, kind: type, own: frozenset[str]) -> type:
        refuse = self._refuse

        def write(handle: Any, name: str, value: object) -> None:
            if _is_drivers(sys._getframe(1).f_code.co_filename) and name in own:
                refuse(handle, f"set {name}")
            object.__setattr__(handle, name, value)

        def delete(handle: Any, name: str) -> None:
            if _is_drivers(sys._getframe(1).f_code.co_filename) and name in own:
                refuse(handle, f"delete {name}")
            object.__delattr__(handle, name)

        body = {"__slots__": (), "__setattr__": write, "__delattr__": delete}
        return type(kind.__name__, (kind,), body | {"__doc__": kind.__doc__, "__module__": kind.__module__})
