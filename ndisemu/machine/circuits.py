"""Calls between two cards with connection-oriented drivers, and the flows on their circuits.

Each host gets the small call manager and a client. The caller makes all
calls as soon as it is started, each on a circuit of its own, and both ends
send on all of them at once. How it went is in the flows; when a host halts,
its client hangs up.
"""

from collections.abc import Sequence
from random import Random

from ndisemu.drivers.protocols import Flow, Generator, SignallingManager, Talk, Talker
from ndisemu.drivers.protocols.signalling import FAMILY
from ndisemu.machine.slot import Slot
from ndisemu.ndis.co import CoSap

SAP = CoSap(1, b"talk")


class Circuits:
    """`count` calls from one card to another, with `frames` frames on each in either direction.

    `there` and `back` are the flows of each call, from the caller and to it.
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
        patience: int | None = None,
    ) -> None:
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
