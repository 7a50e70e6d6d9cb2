"""A line of progress on stderr while a run takes its time; only on a terminal.

A thread looks at counters ten times a second. It reads and never writes, so
it cannot influence the run.
"""

import sys
import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status as Spinner

from ndisemu.machine import Emulation
from ndisemu.scenario.build import Plan
from ndisemu.units import format_count, format_time

INTERVAL = 0.1


class Progress:
    """Shows virtual time and frames of one run; does nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self._stack.close()

    def watch(self, plan: Plan, emulation: Emulation) -> None:
        """Begin to show a run, once its machine is built."""
        if not sys.stderr.isatty():
            return
        spinner = self._stack.enter_context(Spinner("starting", console=Console(stderr=True)))
        self._thread = threading.Thread(target=self._show, args=(spinner, plan, emulation), daemon=True)
        self._thread.start()

    def _show(self, spinner: Spinner, plan: Plan, emulation: Emulation) -> None:
        while not self._over.wait(INTERVAL):
            sent = sum(flow.sent for flow in plan.flows)
            arrived = sum(flow.intact + flow.altered for flow in plan.flows)
            spinner.update(
                f"{format_time(emulation.now)}: {format_count(sent)} frames sent, {format_count(arrived)} arrived"
            )
