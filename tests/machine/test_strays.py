"""What drivers' own tasks, callbacks, threads and finalizers raise, where nobody waits for it."""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Sequence

import pytest

import ndisemu
from ndisemu.drivers.ring import RingMiniport
from ndisemu.machine import Emulation
from ndisemu.ndis import Packet
from tests.verifier.exercises import found_in


def fail() -> None:
    """Take what is not there."""
    [].pop()


class Beside(RingMiniport):
    """Something is done beside its first send."""

    task: "asyncio.Future[None] | None" = None

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        if self.task is None:
            self.task = asyncio.get_running_loop().create_future()
            self.act()
        await super().send_packets(packets)

    def act(self) -> None:
        """Do it."""

    async def fail(self) -> None:
        """Fail, a while later."""
        await asyncio.sleep(1e-6)
        raise ValueError("it has failed")

    async def leave(self) -> None:
        """Leave the program."""
        sys.exit(7)


class KeepsATask(Beside):
    """A task that it keeps, and never looks at."""

    def act(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self.fail())


class DropsATask(Beside):
    """A task that nobody keeps."""

    def act(self) -> None:
        asyncio.ensure_future(self.fail())  # noqa: RUF006 - what this is about


class LeavesInATask(Beside):
    """A task that would end everything."""

    def act(self) -> None:
        self.task = asyncio.ensure_future(self.leave())


class CallsBack(Beside):
    """A callback at once."""

    def act(self) -> None:
        asyncio.get_running_loop().call_soon(fail)


class CallsBackLater(Beside):
    """A callback in a while."""

    def act(self) -> None:
        asyncio.get_running_loop().call_later(1e-6, fail)


class Cleanup:
    """What somebody has to clean up."""

    def __init__(self, then: Callable[[], object]) -> None:
        self.then = then

    def __del__(self) -> None:
        self.then()


class CleansUp(Beside):
    """A finalizer."""

    def act(self) -> None:
        Cleanup(fail)


class Threads(Beside):
    """A thread."""

    def act(self) -> None:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()


class Looks(Beside):
    """A task whose error it takes."""

    def act(self) -> None:
        self.task = asyncio.ensure_future(self.fail())
        self.task.add_done_callback(lambda task: task.exception())


@pytest.mark.parametrize(
    ("driver", "what"),
    [
        (KeepsATask, "a task of its own raised ValueError: it has failed"),
        (DropsATask, "a task of its own raised ValueError: it has failed"),
        (LeavesInATask, "a task of its own raised SystemExit: 7"),
        (CallsBack, "a callback of its own in the loop raised IndexError"),
        (CallsBackLater, "a callback of its own in the loop raised IndexError"),
        (CleansUp, "a finalizer of its own raised IndexError"),
        (Threads, "a thread of its own raised IndexError"),
    ],
)
def test_what_nobody_waits_for_is_reported(driver: type, what: str, capfd: pytest.CaptureFixture[str]) -> None:
    """With the driver, and the line; and asyncio and Python print nothing."""
    (finding,) = found_in(driver, "traffic", None)
    assert finding.rule == "stray-error"
    assert finding.text.startswith(what)
    assert finding.driver.endswith(f":{driver.__name__}")
    assert "test_strays.py" in finding.trace
    assert capfd.readouterr() == ("", "")


def test_an_error_that_its_driver_takes_is_its_own_business() -> None:
    """As asyncio has it."""
    assert found_in(Looks, "traffic", None) == []


def test_what_is_no_drivers_goes_to_whoever_was_told_before(caplog: pytest.LogCaptureFixture) -> None:
    """The program that embeds an emulation keeps its handlers, while it runs and after it."""
    told: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(repr(context["exception"])))
        before = loop.get_exception_handler(), sys.unraisablehook, threading.excepthook
        async with Emulation() as first, Emulation():
            loop.call_soon("".index, "x")
            await asyncio.sleep(1)
            assert first.findings == []
        assert (loop.get_exception_handler(), sys.unraisablehook, threading.excepthook) == before
        assert loop.get_task_factory() is None

    with caplog.at_level(logging.ERROR):
        ndisemu.run(main())
    assert told == ["ValueError('substring not found')"]
    assert caplog.text == ""
