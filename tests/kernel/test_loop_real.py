"""What is real beside the virtual loop: threads, sockets, and a wait that nothing can end."""

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest

from ndisemu.errors import UsageError
from ndisemu.kernel import Kernel, VirtualLoop, loop as loop_module, run


def attached(count: int = 1) -> tuple[VirtualLoop, list[Kernel]]:
    """Give the running loop and fresh kernels attached to it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    kernels = [Kernel() for _ in range(count)]
    for kernel in kernels:
        loop.attach(kernel)
    return loop, kernels


def ticking(kernel: Kernel, period: int, action: Callable[[], object]) -> None:
    """Do `action` every `period` ns from now on, for ever."""

    def tick() -> None:
        action()
        kernel.call_at(kernel.now + period, tick)

    kernel.call_at(kernel.now + period, tick)


def test_executor_job_freezes_time() -> None:
    """While a thread works no virtual time passes, for asyncio nor the kernels; then it goes on where it was."""

    async def main() -> None:
        loop, (kernel,) = attached()
        ticks: list[int] = []
        ticking(kernel, 1000, lambda: ticks.append(kernel.now))
        gate = threading.Event()
        sleeping = asyncio.create_task(asyncio.sleep(2.5e-6))
        job = asyncio.create_task(asyncio.to_thread(gate.wait, 10))
        for _ in range(50):
            await asyncio.sleep(0)
        loop.call_later(0, gate.set)

        assert await job
        assert (loop.time(), ticks, sleeping.done()) == (0, [], False)
        await sleeping
        assert ticks == [1000, 2000]

    run(main())


def test_failed_executor_job_lets_time_go_on() -> None:
    """A job that raises is over as well."""

    def job() -> None:
        raise LookupError

    async def main() -> None:
        with pytest.raises(LookupError):
            await asyncio.to_thread(job)
        await asyncio.sleep(1)
        assert asyncio.get_running_loop().time() == 1

    run(main())


def test_work_due_now_is_done_while_time_stands_still() -> None:
    """During an executor job kernels still do what is due at this instant: the job may wait for it."""

    async def main() -> None:
        _, (kernel,) = attached()
        gate = threading.Event()
        job = asyncio.create_task(asyncio.to_thread(gate.wait, 10))
        await asyncio.sleep(0)
        kernel.submit(gate.set)
        assert await job

    run(main())


def test_nothing_left_to_happen_is_the_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that nothing can end is reported with the time, instead of hanging for ever."""
    monkeypatch.setattr(loop_module, "PATIENCE", 0.01)

    async def main() -> None:
        _, (kernel,) = attached()
        kernel.call_at(40, lambda: None)
        await asyncio.Event().wait()

    with pytest.raises(UsageError, match=r"nothing is left to happen after 40 ns of virtual time"):
        run(main())


def test_foreign_thread_can_still_end_a_wait() -> None:
    """A loop with nothing left is patient for a moment with threads that asyncio does not know."""

    async def main() -> float:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        threading.Timer(0.05, lambda: loop.call_soon_threadsafe(done.set)).start()
        await done.wait()
        return loop.time()

    assert run(main()) == 0


def test_real_socket_is_waited_for() -> None:
    """With a socket open, a loop with nothing left waits for that; no virtual time passes."""

    async def main() -> float:
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours)
            threading.Timer(0.05, lambda: theirs.send(b"x")).start()
            assert await reader.read(1) == b"x"
            writer.close()
            await writer.wait_closed()
        return asyncio.get_running_loop().time()

    assert run(main()) == 0


def test_real_socket_may_be_read_and_written() -> None:
    """One socket can be watched both ways at once, as a stream that is written while it is read does."""

    async def main() -> tuple[bytes, bytes]:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            writable = asyncio.Event()
            reading = asyncio.create_task(loop.sock_recv(ours, 1))
            await asyncio.sleep(0)
            loop.add_writer(ours, writable.set)
            await writable.wait()
            loop.remove_writer(ours)
            await loop.sock_sendall(ours, b"out")
            theirs.send(b"i")
            return await reading, theirs.recv(3)

    assert run(main()) == (b"i", b"out")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("count", [1, 2])
def test_endless_kernels_leave_room_for_what_is_real(count: int) -> None:
    """Kernels that always have work, alone or two in turns, do not keep the loop from its files."""

    async def main() -> bytes:
        loop, kernels = attached(count)
        for number, kernel in enumerate(kernels):
            ticking(kernel, 10 + number, lambda: None)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.send(b"x")
            readable = asyncio.Event()
            loop.add_reader(ours, readable.set)
            await readable.wait()
            loop.remove_reader(ours)
            return ours.recv(1)

    assert run(main()) == b"x"
