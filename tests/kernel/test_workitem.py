"""Work items: from DISPATCH_LEVEL to an asyncio task at PASSIVE_LEVEL, once at a time."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from ndisemu.errors import InternalError
from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Dpc, DriverSpins, Kernel, WorkItem, run
from ndisemu.kernel.loop import VirtualLoop


class Bench:
    """A kernel on the running virtual loop whose work items become tasks, which are kept by name."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        assert isinstance(self.loop, VirtualLoop)
        self.kernel = Kernel()
        self.kernel.spawn = self.spawn
        self.cpu = Cpu(self.kernel, "cpu0")
        self.loop.attach(self.kernel)
        self.tasks: dict[str, asyncio.Task[object]] = {}
        self.errors: list[BaseException] = []

    def spawn(self, coroutine: Coroutine[object, object, object], name: str) -> None:
        self.tasks[name] = self.loop.create_task(coroutine, name=name)

    def item(self, routine: Callable[[], object]) -> WorkItem:
        return WorkItem(self.cpu, routine, self.errors.append, name="link check")


def test_routine_runs_at_passive_level_after_the_dpc() -> None:
    """A work item queued by a DPC runs when that is through, at PASSIVE_LEVEL on the item's CPU."""

    async def main() -> None:
        bench = Bench()
        log: list[object] = []

        def routine() -> None:
            log.append((bench.kernel.current, bench.cpu.irql))

        item = bench.item(routine)

        def dpc() -> None:
            assert item.queue()
            bench.cpu.preempt()
            log.append(bench.cpu.irql)

        Dpc(dpc).queue(bench.cpu)
        await asyncio.sleep(1)

        assert log == [DISPATCH, (bench.cpu, PASSIVE)]
        assert list(bench.tasks) == ["link check"]

    run(main())


def test_routine_may_await_anything() -> None:
    """The routine of a work item may be a coroutine that waits for asyncio."""

    async def main() -> None:
        bench = Bench()
        times: list[float] = []

        async def routine() -> None:
            await asyncio.sleep(2)
            times.append(bench.loop.time())

        bench.item(routine).queue()
        await asyncio.sleep(5)

        assert times == [2]

    run(main())


def test_waiting_item_is_not_queued_again() -> None:
    """Queueing an item that waits returns False, and the routine runs once."""

    async def main() -> None:
        bench = Bench()
        runs: list[str] = []
        item = bench.item(lambda: runs.append("ran"))

        assert (item.queue(), item.queue()) == (True, False)
        assert repr(item) == "<WorkItem link check queued>"
        await asyncio.sleep(1)

        assert runs == ["ran"]
        assert repr(item) == "<WorkItem link check idle>"

    run(main())


def test_running_item_can_be_queued_again() -> None:
    """An item has left the queue when its routine runs, so the routine can queue it once more."""

    async def main() -> None:
        bench = Bench()
        answers: list[bool] = []

        def routine() -> None:
            if len(answers) < 2:
                answers.append(item.queue())

        item = bench.item(routine)
        item.queue()
        await asyncio.sleep(1)

        assert answers == [True, True]

    run(main())


@pytest.mark.parametrize("error", [LookupError("gone"), SystemExit(1), DriverSpins("kept cpu0")])
def test_what_a_routine_raises_is_reported(error: BaseException) -> None:
    """Whatever the driver's routine raises is told to `failed`, the watchdog's stop included; the task ends well."""

    async def main() -> None:
        bench = Bench()

        def routine() -> None:
            raise error

        bench.item(routine).queue()
        await asyncio.sleep(1)

        assert bench.errors == [error]
        assert bench.tasks["link check"].exception() is None

    run(main())


def test_cancelled_item_is_not_a_failure() -> None:
    """A work item whose task is cancelled, at the end of a run, is cancelled and not reported."""

    async def main() -> None:
        bench = Bench()
        bench.item(lambda: asyncio.sleep(9)).queue()
        await asyncio.sleep(1)

        bench.tasks["link check"].cancel()
        await asyncio.sleep(1)

        assert bench.tasks["link check"].cancelled()
        assert bench.errors == []

    run(main())


def test_work_item_needs_a_loop() -> None:
    """A kernel that no asyncio loop drives cannot run work items, and says so."""
    kernel = Kernel()
    item = WorkItem(Cpu(kernel, "cpu0"), lambda: None, lambda _error: None)
    item.queue()

    with pytest.raises(InternalError, match="needs an asyncio loop"):
        kernel.run(0, 10)
