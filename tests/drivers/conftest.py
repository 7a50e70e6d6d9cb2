"""Two hosts with a real card each and a cable between, and protocols that note what happens to them.

A test is a coroutine under virtual time, `@on_wire()`, that is given a `Wire`. What was found must have been looked
at with `wire.rules()` before the test ends.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Concatenate, Final, ParamSpec, cast

import pytest

from ndisemu import Emulation, RingMiniport, run
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.drivers.ring_explicit import ExplicitRingMiniport
from ndisemu.kernel import DISPATCH, Cpu, run_passive
from ndisemu.machine import Host, Slot
from ndisemu.ndis import Oid, Packet, PacketFilter, ProtocolOption, Status, v5

P = ParamSpec("P")

EVERYTHING: Final = PacketFilter.PROMISCUOUS
Styles = RingMiniport | ExplicitRingMiniport
STYLES: Final = (RingMiniport, ExplicitRingMiniport)
"""The reference miniport in the coroutine style and in the explicit one: whatever is claimed of one holds for the other."""

both_styles: Final = pytest.mark.parametrize("style", STYLES)
"""Run a test once for each style, which it is given."""
TO_B: Final = b"\x02\x00\x00\x00\x02\x01"
FROM_A: Final = b"\x02\x00\x00\x00\x01\x01"


def frame(number: int = 0, *, length: int = 60, to: bytes = TO_B) -> bytes:
    """Make a frame that tells its number and has no two bytes alike in a row."""
    body = bytes((number + place) % 251 for place in range(max(length - 18, 0)))
    return (to + FROM_A + b"\x88\xb5" + number.to_bytes(4, "big") + body)[:length]


class Peer(v5.Protocol):
    """A protocol that sends what it is told, and keeps received packets if it is told to."""

    def __init__(self, name: str = "peer", *, packets: int = 64, size: int = 2048) -> None:
        self.name = name
        self.count = packets
        self.size = size
        self.kept = 0
        self.packets: list[Packet] = []
        self.completed: list[tuple[Packet, Status]] = []
        self.received: list[bytes] = []
        self.arrays: list[int] = []
        self.held: list[Packet] = []
        self.binding: v5.Binding

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        """Open the adapter, and let everything in but what it sends itself."""
        self.binding = context.open_adapter()
        self.packets = self.binding.allocate_packets(self.count, self.size)
        await self.binding.set(Oid.GEN_PROTOCOL_OPTIONS, ProtocolOption.NO_LOOPBACK.to_bytes(4, "little"))
        await self.binding.set(Oid.GEN_CURRENT_PACKET_FILTER, EVERYTHING.to_bytes(4, "little"))
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        """Return what is held, and close."""
        if self.held:
            binding.return_packets(self.held)
        await binding.close()

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        """Note the completion."""
        self.completed += [(packet, status) for packet in packets]

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        """Note the frames, and how many came at once."""
        self.received += [packet.read() for packet in packets]
        self.arrays.append(len(packets))
        if not self.kept or packets[0].status is Status.RESOURCES:
            return 0
        self.held += packets
        return self.kept

    @property
    def statuses(self) -> list[Status]:
        """The statuses of what was completed, in order."""
        return [status for _, status in self.completed]


def keep_small(slot: Slot) -> None:
    """Let a driver be content with the receive pool that it has, however short that runs."""
    driver = slot.adapter.miniport
    assert isinstance(driver, RingMiniport | ExplicitRingMiniport | Ring6Miniport)
    driver.rx.pool.enough = 0


class Wire:
    """The two hosts, `a` and `b`, with a `Peer` on each card; `mtus` and `parameters` are those of a and of b."""

    a: Slot
    b: Slot
    sender: Peer
    receiver: Peer

    def __init__(self, emu: Emulation) -> None:
        self.emu = emu
        self._seen = 0

    async def plug(
        self,
        parameters: tuple[Mapping[str, int], Mapping[str, int]],
        mtus: tuple[int, int],
        miniport: Callable[[], v5.Miniport],
    ) -> None:
        """Put in the cards, run the cable, bind the protocols."""
        hosts = [self.emu.host(name, cpus=2) for name in ("a", "b")]
        self.a, self.b = (
            host.nic("eth0", miniport, mtu=mtu, parameters=values)
            for host, mtu, values in zip(hosts, mtus, parameters, strict=True)
        )
        self.emu.connect(self.a, self.b, delay="5us")
        size = max(mtus) + 14
        self.sender, self.receiver = Peer("sender", size=size), Peer("receiver", size=size)
        for host, peer in zip(hosts, (self.sender, self.receiver), strict=True):
            await host.bind_protocol("eth0", peer)

    def rules(self) -> list[str]:
        """Return the rules of the findings since the last look."""
        new = self.emu.findings[self._seen :]
        self._seen += len(new)
        return [finding.rule for finding in new]

    async def send(self, *frames: bytes, cpu: int = 0, packets: Sequence[Packet] | None = None) -> list[Packet]:
        """Send frames from a in one array, at DISPATCH_LEVEL."""
        chosen = list(packets or self.sender.packets[: len(frames)])
        for packet, data in zip(chosen, frames, strict=True):
            packet.fill(data)
        await self.dispatch(self.a.host, lambda: self.sender.binding.send_packets(chosen), cpu=cpu)
        return chosen

    async def dispatch(self, host: Host, routine: Callable[[], object], *, cpu: int = 0) -> None:
        """Call `routine` on a host at DISPATCH_LEVEL."""
        where: Cpu = host.cpus[cpu]

        def raised() -> None:
            before = where.raise_irql(DISPATCH)
            routine()
            where.lower_irql(before)

        await run_passive(raised, where)


def on_wire(
    *,
    a: Mapping[str, int] | None = None,
    b: Mapping[str, int] | None = None,
    mtus: tuple[int, int] = (1500, 1500),
    miniport: Callable[[], v5.Miniport] = RingMiniport,
) -> Callable[[Callable[Concatenate[Wire, P], Awaitable[None]]], Callable[P, None]]:
    """Run a test that takes a `Wire` first, under virtual time."""

    def decorate(test: Callable[Concatenate[Wire, P], Awaitable[None]]) -> Callable[P, None]:
        @functools.wraps(test)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
            async def main() -> None:
                async with Emulation(seed=1) as emu:
                    wire = Wire(emu)
                    await wire.plug((a or {}, b or {}), mtus, miniport)
                    await test(wire, *args, **kwargs)
                assert wire.rules() == []

            run(main())

        signature = inspect.signature(test)
        rest = list(signature.parameters.values())[1:]
        wrapper.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]  # what pytest reads
        return wrapper

    return decorate


def in_both_styles(
    *,
    a: Mapping[str, int] | None = None,
    b: Mapping[str, int] | None = None,
    mtus: tuple[int, int] = (1500, 1500),
) -> Callable[[Callable[Concatenate[Wire, P], Awaitable[None]]], Callable[Concatenate[type[Styles], P], None]]:
    """Run a test that takes a `Wire` first, under virtual time, once with the reference miniport in each style."""

    def decorate(
        test: Callable[Concatenate[Wire, P], Awaitable[None]],
    ) -> Callable[Concatenate[type[Styles], P], None]:
        runs = {style: on_wire(a=a, b=b, mtus=mtus, miniport=style)(test) for style in STYLES}

        @functools.wraps(test)
        def wrapper(style: type[Styles], *args: P.args, **kwargs: P.kwargs) -> None:
            runs[style](*args, **kwargs)

        signature = inspect.signature(runs[RingMiniport])
        style = inspect.Parameter("style", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = [style, *signature.parameters.values()]
        wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # what pytest reads
        return cast("Callable[Concatenate[type[Styles], P], None]", both_styles(wrapper))

    return decorate
