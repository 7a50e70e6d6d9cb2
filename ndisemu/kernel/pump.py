"""The real-time pump: a kernel driven by any running asyncio loop, uvloop included.

The kernel's time is the monotonic clock since the pump started. Work that is
due is drained with a quota in one callback of the loop; then the pump sleeps
until the next tick, or until somebody submits work.
"""

import asyncio
import time
from typing import Final

from ndisemu.kernel.kernel import Kernel
from ndisemu.kernel.timerfd import precise_timer

# How many kernel items run before the loop's other callbacks get a turn.
QUOTA: Final = 256


class RealTimePump:
    """Drives one kernel from the running loop, from construction until `close`."""

    def __init__(self, kernel: Kernel) -> None:
        self._loop = asyncio.get_running_loop()
        self._kernel = kernel
        self._origin = time.monotonic_ns() - kernel.now
        self._timer = precise_timer(self._loop, self._run)
        self._scheduled = False
        self._closed = False
        kernel.poke = self._poke
        kernel.charges = False
        kernel.catch_up = self._catch_up
        self._poke()

    def close(self) -> None:
        """Leave the loop; the kernel stands still from now on."""
        self._closed = True
        self._kernel.poke = None
        self._kernel.catch_up = None
        self._timer.close()

    def _poke(self) -> None:
        if not self._scheduled and not self._closed:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _catch_up(self) -> None:
        self._kernel.now = max(self._kernel.now, time.monotonic_ns() - self._origin)

    def _run(self) -> None:
        self._scheduled = False
        if self._closed:
            return
        kernel = self._kernel
        self._catch_up()
        kernel.pause = False
        if kernel.run(kernel.now, QUOTA):
            self._poke()
            return
        if kernel.on_idle is not None and kernel.next_work() is None:
            kernel.on_idle()
        # Here time goes on by itself, and chores with it.
        tick = kernel.next_tick()
        if tick is not None:
            self._timer.set(tick - (time.monotonic_ns() - self._origin))
