"""Whose an error is: whatever a driver raises is its own, and Ctrl-C is the user's."""

import signal

import pytest

from ndisemu.errors import Unfinished
from ndisemu.kernel import Abandoned, Cpu, Ending, Kernel, driver_errors, run, run_passive
from ndisemu.kernel.finding import driver_trace


class Own(BaseException):
    """What no handler for `Exception` catches."""


def caught(error: BaseException) -> bool:
    """Whether an error is caught as a driver's."""
    try:
        raise error
    except driver_errors():
        return True
    except BaseException:  # noqa: BLE001 - what is nobody's
        return False


@pytest.mark.parametrize("error", [ValueError(), Own(), GeneratorExit(), SystemExit(7)], ids=repr)
def test_whatever_a_driver_raises_is_its_own(error: BaseException) -> None:
    """Also what Python uses to end a generator or the process."""
    assert caught(error)


def test_an_interrupt_is_the_users() -> None:
    """Under Python's own handler nobody can tell who has raised it."""
    assert not caught(KeyboardInterrupt())


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="an end in real time needs interval timers")
def test_an_interrupt_of_a_drivers_own_is_told_from_the_users() -> None:
    """Where Ctrl-C raises something else, a KeyboardInterrupt has been raised by a driver."""
    with Ending(None):
        assert caught(KeyboardInterrupt())
        assert not caught(Abandoned())


@pytest.mark.parametrize("error", [Own("no"), GeneratorExit("no")], ids=repr)
def test_what_an_awaited_routine_raises_comes_out_as_an_error(error: BaseException) -> None:
    """Who awaits it is told what it was, and reads the driver's own traceback."""

    async def routine() -> None:
        raise error

    async def main() -> None:
        with pytest.raises(Unfinished, match=f"raised {type(error).__name__}: no") as raised:
            await run_passive(routine, Cpu(Kernel(), "cpu0"))
        assert "in routine" in driver_trace(raised.value)
        assert driver_trace(raised.value).endswith(f"{type(error).__name__}: no")

    run(main())
