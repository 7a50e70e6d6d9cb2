"""The virtual asyncio loop: when no task is ready, virtual time moves on.

It is asyncio's own selector loop with a selector whose `select` runs the
kernels while asyncio has nothing to do, and a `time` that is theirs. So
`asyncio.sleep` and timeouts are virtual, and a day passes as fast as its
events can be worked off.

What is real stays outside virtual time: while an executor job runs (a file
being written, `asyncio.to_thread`) the clock stands still, so nothing that a
thread does can be overtaken by a timeout, and what the kernels do never
depends on how long it took. Real sockets work, at the price of an order that
the seed no longer decides.
"""

import asyncio
import gc
import selectors
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import Context
from typing import Any, Final, TypeVar, TypeVarTuple

from ndisemu.errors import UsageError
from ndisemu.kernel.kernel import FOREVER, Kernel

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# How many kernel items run before real files and signals are looked at.
QUOTA: Final = 1000
# A task that spins on `sleep(0)` must not stop the world: when asyncio has
# been busy for this many turns in a row, each further one takes this many ns.
BUSY_TURNS: Final = 10_000
BUSY_TURN: Final = 1_000
# How long, in real seconds, a loop with nothing left to do waits for a
# foreign thread before it gives up.
PATIENCE: Final = 1.0
# How many objects more than were freed are made before Python's collector looks at them.
YOUNG: Final = 20_000

# What a loop's exception handler is told where code of a run has ended the loop, which then goes on.
LOOP_ENDED: Final = "code of the run has ended its loop"


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time; kernels attach to it."""

    def __init__(self) -> None:
        self._virtual_now = 0
        self._kernels: list[tuple[Kernel, int]] = []
        self._running: tuple[Kernel, int] | None = None
        self._jobs = 0
        self._busy = 0
        self._real = selectors.DefaultSelector()
        super().__init__(_VirtualSelector(self._real, self._advance))
        # Timers are exact here: the base class fires those due within this, half of the clock's nanosecond.
        self._clock_resolution = 5e-10

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._now() / 1e9

    def attach(self, kernel: Kernel) -> None:
        """Let `kernel` run in this loop's time, its own starting now."""
        self._kernels.append((kernel, self._now() - kernel.now))

    def detach(self, kernel: Kernel) -> None:
        """Stop running `kernel`."""
        self._kernels = [entry for entry in self._kernels if entry[0] is not kernel]

    def stop(self) -> None:
        """As in asyncio, but not for driver code, which would stop everybody."""
        if any(kernel.current is not None for kernel, _ in self._kernels):
            raise RuntimeError("the loop that everybody runs in was to be stopped by driver code")
        super().stop()

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As in asyncio; a running kernel pauses so that the callback gets its turn at this instant."""
        self._pause()
        return super().call_soon(callback, *args, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As in asyncio; a running kernel pauses, so that a thread or a signal is heard soon."""
        self._pause()
        return super().call_soon_threadsafe(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As in asyncio; a running kernel pauses so that it does not run past the new timer."""
        self._pause()
        return super().call_at(when, callback, *args, context=context)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """As in asyncio; virtual time stands still until `func` is done."""
        job: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._jobs += 1
        job.add_done_callback(self._job_done)
        return job

    async def shutdown_default_executor(self, *args: Any) -> None:
        """As in asyncio; waits for threads in real time."""
        self._jobs += 1
        try:
            await super().shutdown_default_executor(*args)
        finally:
            self._jobs -= 1

    def _pause(self) -> None:
        for kernel, _ in self._kernels:
            kernel.pause = True

    def _now(self) -> int:
        """Return the virtual ns since the loop was made; inside a kernel's item, that kernel's."""
        if self._running is None:
            return self._virtual_now
        kernel, base = self._running
        return base + kernel.now

    def _job_done(self, _: object) -> None:
        self._jobs -= 1

    def _advance(self, timeout: float | None) -> float | None:
        """Run kernels for want of asyncio work; returns how long the real select may then block."""
        if timeout is not None and timeout <= 0:
            self._busy += 1
            if self._busy < BUSY_TURNS:
                return 0
            target = self._virtual_now + BUSY_TURN
        else:
            self._busy = 0
            target = FOREVER if timeout is None else self._virtual_now + max(1, round(timeout * 1e9))
        if self._jobs:
            target = self._virtual_now
        if self._run_kernels(target):
            return 0
        if self._jobs:
            # Where asyncio has callbacks ready, nobody waits for the job yet.
            return 0 if timeout is not None and timeout <= 0 else None
        if target < FOREVER:
            self._virtual_now = target
            self._catch_up()
            return 0
        return self._nothing_left()

    def _catch_up(self) -> None:
        """Bring the kernels' clocks, which asyncio code reads too, up to the loop's; their next work is not earlier."""
        for kernel, base in self._kernels:
            if kernel.now < self._virtual_now - base:
                kernel.now = self._virtual_now - base

    def _run_kernels(self, target: int) -> bool:
        """Run the kernels in the order of their next work, up to `target`; True if asyncio should look."""
        for _ in range(QUOTA):
            if self._announce_idle():
                break
            chosen, first, second = self._choose(target)
            if chosen is None or first > target:
                self._catch_up()
                return False
            kernel, base = chosen
            until = min(second, target)
            kernel.pause = False
            self._running = chosen
            try:
                stopped = kernel.run(FOREVER if until == FOREVER else until - base, QUOTA)
            finally:
                self._running = None
                self._virtual_now = max(self._virtual_now, base + kernel.now)
            if stopped or kernel.pause:
                break
        self._catch_up()
        return True

    def _choose(self, target: int) -> tuple[tuple[Kernel, int] | None, int, int]:
        """Return the kernel whose work is next, when that is, and when another one's is.

        If time goes on, for a kernel's work or for asyncio's timer, the chores of idle kernels are work too.
        """
        goes_on = target < FOREVER or any(kernel.next_work() is not None for kernel, _ in self._kernels)
        first, second = FOREVER, FOREVER
        chosen: tuple[Kernel, int] | None = None
        for kernel, base in self._kernels if goes_on else ():
            work = kernel.next_tick()
            when = FOREVER if work is None else base + work
            if when < first:
                first, second, chosen = when, first, (kernel, base)
            elif when < second:
                second = when
        return chosen, first, second

    def _announce_idle(self) -> bool:
        """Tell whoever waits for a kernel to be idle; whether anybody did."""
        waiting = [kernel.on_idle for kernel, _ in self._kernels if kernel.on_idle and kernel.next_work() is None]
        for announce in waiting:
            announce()
        return bool(waiting)

    def _nothing_left(self) -> float | None:
        """Nothing will happen in virtual time any more: wait for something real, or say so."""
        # The loop's own wake-up pipe is always registered.
        if len(self._real.get_map()) > 1:
            return None
        if not self._real.select(PATIENCE):
            raise UsageError(
                f"every task waits and nothing is left to happen after {self._virtual_now} ns of virtual time; "
                "give the wait a timeout, or something to wait for"
            )
        return 0


class _VirtualSelector(selectors.BaseSelector):
    """A real selector that asks for virtual time to move before it waits."""

    def __init__(self, real: selectors.BaseSelector, advance: Callable[[float | None], float | None]) -> None:
        self._real = real
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return self._real.select(self._advance(timeout))

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run `main` to its end under virtual time, as `asyncio.run` does under real time."""
    with _patient_collector(), asyncio.Runner(debug=debug, loop_factory=VirtualLoop) as runner:
        return runner.run(main)


@contextmanager
def _patient_collector() -> Iterator[None]:
    """Look for garbage more rarely meanwhile: sends in flight are hundreds of objects, which come and go by themselves.

    `ndisemu bench`, bursts of 1: 4 % of all instructions.
    """
    before = gc.get_threshold()
    young, *older = before
    # Who has set it to never, or to something else meanwhile, has wanted that.
    patient = (max(young, YOUNG) if young else 0, *older)
    gc.set_threshold(*patient)
    try:
        yield
    finally:
        if gc.get_threshold() == patient:
            gc.set_threshold(*before)
