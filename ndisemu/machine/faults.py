"""Trouble on command: what can befall a card, its cable, its memory and its adapter.

`FAULTS` holds one entry for each word that a scenario can say. A fault of
hardware happens as an event of the kernel, like a frame that arrives; one of
the adapter is what Windows would tell NDIS to do, and takes as long as its
driver does. What begins or ends a fault has done so when it returns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ndisemu.errors import UsageError
from ndisemu.link import Cable
from ndisemu.machine.slot import BaseSlot, Slot
from ndisemu.ndis.v6.adapter import NblAdapter


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble: what begins it, and what ends it where it can be over by itself."""

    start: Callable[[BaseSlot], Awaitable[None]]
    end: Callable[[BaseSlot], Awaitable[None]] | None = None


async def hang(slot: BaseSlot) -> None:
    """The card does nothing more until its driver resets it."""
    await _happen(slot, _card(slot, "hang").nic.hang)


async def link_down(slot: BaseSlot) -> None:
    """Both ends of the card's cable lose the carrier."""
    await _happen(slot, _cable(slot, "link_down").down)


async def link_up(slot: BaseSlot) -> None:
    """Both ends of the card's cable see the carrier again."""
    await _happen(slot, _cable(slot, "link_up").up)


async def shared_memory_fails(slot: BaseSlot) -> None:
    """The adapter gets no more shared memory; what it has, it keeps."""
    await _happen(slot, lambda: slot.host.memory.starve(slot.name))


async def shared_memory_works(slot: BaseSlot) -> None:
    """The adapter gets shared memory again."""
    await _happen(slot, lambda: slot.host.memory.relieve(slot.name))


async def surprise_remove(slot: BaseSlot) -> None:
    """The card is gone, and then NDIS is told."""
    card = _card(slot, "surprise_remove")
    await _happen(slot, card.nic.remove)
    await slot.adapter.surprise_remove()


async def reset(slot: BaseSlot) -> None:
    """NDIS resets the adapter."""
    await slot.adapter.reset()


async def pause(slot: BaseSlot) -> None:
    """NDIS pauses the adapter."""
    await _pausable(slot, "pause").pause()


async def restart(slot: BaseSlot) -> None:
    """NDIS restarts the adapter."""
    await _pausable(slot, "restart").restart()


async def stop(slot: BaseSlot) -> None:
    """NDIS halts the adapter, as when its device is disabled."""
    await slot.adapter.halt()


FAULTS: Final[Mapping[str, Fault]] = {
    "hang": Fault(hang),
    "link_down": Fault(link_down, link_up),
    "link_up": Fault(link_up),
    "shared_memory_fails": Fault(shared_memory_fails, shared_memory_works),
    "surprise_remove": Fault(surprise_remove),
    "reset": Fault(reset),
    "pause": Fault(pause, restart),
    "restart": Fault(restart),
    "stop": Fault(stop),
}


async def _happen(slot: BaseSlot, trouble: Callable[[], None]) -> None:
    """Let trouble happen as an event of the kernel, and wait until it has."""
    happened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def event() -> None:
        trouble()
        if not happened.done():
            happened.set_result(None)

    slot.host.kernel.submit(event)
    await happened


def _card(slot: BaseSlot, word: str) -> Slot:
    if not isinstance(slot, Slot):
        raise UsageError(f"{slot.name} has a {slot.below} and no card, and {word} happens to a card")
    return slot


def _cable(slot: BaseSlot, word: str) -> Cable:
    cable = _card(slot, word).cable
    if cable is None:
        raise UsageError(f"{slot.name} has no cable; connect it before its link goes down or up")
    return cable


def _pausable(slot: BaseSlot, word: str) -> NblAdapter:
    adapter = slot.adapter
    if not isinstance(adapter, NblAdapter):
        raise UsageError(f"{slot.name} is an {adapter.generation} adapter, which has no {word}; NDIS 6 has")
    return adapter
