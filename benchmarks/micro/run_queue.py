"""The kernel's own queue, drained inside one callback of a loop, against one callback of asyncio's for each item.

The items are chained, each putting the next one in, as interrupt, DPC and
completion do; so asyncio's loop goes around once for each, looking for
sockets and timers.
"""

import asyncio

from ndisemu.bench.claim import Claim, Comparison, report
from ndisemu.kernel import Kernel
from ndisemu.kernel.pump import QUOTA


def own_queue(count: int) -> None:
    """Chain items through the kernel."""
    kernel, left = Kernel(), count

    def item() -> None:
        nonlocal left
        left -= 1
        if left > 0:
            kernel.call_soon(item)

    kernel.call_soon(item)
    while kernel.run(kernel.now, QUOTA):
        pass


def loop_callbacks(count: int) -> None:
    """Chain items through `call_soon` of asyncio's own loop."""
    loop, left = asyncio.SelectorEventLoop(), count

    def item() -> None:
        nonlocal left
        left -= 1
        if left > 0:
            loop.call_soon(item)
        else:
            loop.stop()

    loop.call_soon(item)
    loop.run_forever()
    loop.close()


def claim() -> Claim:
    """Say why the kernel has a queue of its own."""
    return Claim(
        "Items on the kernel's own queue are at least five times as fast as callbacks of asyncio's loop",
        "ndisemu/kernel/kernel.py",
        (Comparison("an item that queues the next", ("own queue", own_queue), ("call_soon", loop_callbacks), 5),),
    )


if __name__ == "__main__":
    print(report(claim()))
