"""Calls between two cards with connection-oriented drivers, and the flows on their circuits.

Each host gets the small call manager and a client. The caller makes all
calls as soon as it is started, each on a circuit of its own, and both ends
send on all of them at once. How it went is in the flows and the statistics;
when a host halts, its client hangs up.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from ndisemu.drivers.protocols import Flow, Generator, SignallingManager, Talk, Talker
from ndisemu.drivers.protocols.signalling import FAMILY
from ndisemu.errors import UsageError
from ndisemu.machine.slot import Slot
from ndisemu.ndis.co import CoSap

SAP: Final = CoSap(1, b"talk")
# A caller chooses from its half of the VLANs.
MOST: Final = 2046


class Circuits:
    """`count` calls from one card to another, with `frames` frames on each in either direction.

    `there` and `back` are the flows of each call, from the caller and to it.
    The rest is as for a `Generator`: each end of each call has one.
    """

    def __init__(
        self,
        caller: Slot,
        called: Slot,
        random: Random,
        *,
        count: int,
        frames: int,
        sizes: Sequence[int] = (60, 1514, 300),
        burst: int = 16,
        window: int | None = None,
        start: int = 0,
        every: int | None = None,
        patience: int | None = None,
    ) -> None:
        if not 1 <= count <= MOST:
            raise UsageError(f"{caller.name} can make 1 to {MOST} calls to {called.name}, not {count}")
        self.caller = caller
        self.called = called
        self.there = [Flow(f"{caller.name} to {called.name}, call {number}") for number in range(count)]
        self.back = [Flow(f"{called.name} to {caller.name}, call {number}") for number in range(count)]
        waits = {} if patience is None else {"patience": patience}
        self.managers = tuple(SignallingManager(f"signalling of {slot.name}", **waits) for slot in (caller, called))

        def source(here: Slot, other: Slot) -> Generator:
            return Generator(
                random,
                source=here.nic.mac,
                destination=other.nic.mac,
                frames=frames,
                sizes=sizes,
                burst=burst,
                window=window,
                start=start,
                every=every,
            )

        calls: dict[bytes, Talk] = {}
        answers: dict[bytes, Talk] = {}
        for number, (there, back) in enumerate(zip(self.there, self.back, strict=True)):
            note = number.to_bytes(2, "big")
            calls[note] = Talk(heard=back, sent=there, source=source(caller, called))
            answers[note] = Talk(heard=there, sent=back, source=source(called, caller))
        self.talkers = (
            Talker(f"caller on {caller.name}", FAMILY, SAP, calls, calls=called.nic.mac),
            Talker(f"called on {called.name}", FAMILY, SAP, answers),
        )

    @property
    def flows(self) -> list[Flow]:
        """All flows."""
        return [*self.there, *self.back]

    def arriving(self, slot: Slot) -> list[Flow]:
        """Return the flows that end at a card."""
        return self.back if slot is self.caller else self.there if slot is self.called else []

    @property
    def done(self) -> bool:
        """Whether every call has been connected or has failed, and everything has been handed to NDIS."""
        return all(talker.done for talker in self.talkers)

    def statistics(self) -> dict[str, int]:
        """Return what became of the calls, by name; `unsent` frames are those whose send did not succeed."""
        caller, called = self.talkers
        return {
            "calls": len(self.there),
            "connected": caller.connected,
            "answered": called.connected,
            "failed": caller.failed,
            "refused": sum(manager.refused for manager in self.managers),
            "timed_out": sum(manager.timed_out for manager in self.managers),
            "sent": sum(flow.sent for flow in self.flows),
            "unsent": caller.unsent + called.unsent,
            "received": caller.received + called.received,
        }

    async def bind(self) -> None:
        """Bind call managers and clients on both hosts, the called one first."""
        for slot, manager, talker in zip(
            (self.called, self.caller), reversed(self.managers), reversed(self.talkers), strict=True
        ):
            name = slot.name.removeprefix(f"{slot.host.name}.")
            await slot.host.bind_circuits(name, manager)
            await slot.host.bind_circuits(name, talker)

    def start(self) -> None:
        """Make the calls, from the caller's first CPU."""
        cpu = self.caller.host.cpus[0]
        cpu.kernel.submit(lambda: cpu.queue_thread(self.talkers[0].start))
