"""Two hosts with the reference NDIS 6 miniport on a real card each, a cable between, and protocols that note what happens.

A test is a coroutine under virtual time, `@on_wire6()`, that is given a `Wire6`. What was found must have been looked
at with `wire.rules()` before the test ends.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Concatenate, Final, ParamSpec

from ndisemu import Emulation, run
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.kernel import DISPATCH, run_passive
from ndisemu.machine import Host
from ndisemu.ndis import PacketFilter, v6
from tests.ndis.v6.conftest import Peer6

P = ParamSpec("P")
EVERYTHING: Final = PacketFilter.PROMISCUOUS


class Wire6:
    """Two hosts, `a` and `b`, with the reference miniport and a protocol on each card."""

    def __init__(self, emu: Emulation, a: Mapping[str, int], b: Mapping[str, int], mtus: tuple[int, int]) -> None:
        self.emu = emu
        self.hosts = [emu.host(name, cpus=2) for name in ("a", "b")]
        self.a, self.b = (
            host.nic("eth0", Ring6Miniport, mtu=mtu, parameters=values)
            for host, mtu, values in zip(self.hosts, mtus, (a, b), strict=True)
        )
        self._seen = 0
        emu.connect(self.a, self.b, delay="5us")
        self.sender, self.receiver = (Peer6(name, types=EVERYTHING, lists=64) for name in ("sender", "receiver"))

    async def bind(self) -> None:
        """Bind both protocols, which starts the cards."""
        for host, peer in zip(self.hosts, (self.sender, self.receiver), strict=True):
            await host.bind_protocol("eth0", peer)

    async def dispatch(self, host: Host, routine: Callable[[], object], *, cpu: int = 0) -> None:
        """Call `routine` on a host at DISPATCH_LEVEL."""
        where = host.cpus[cpu]

        def raised() -> None:
            before = where.raise_irql(DISPATCH)
            routine()
            where.lower_irql(before)

        await run_passive(raised, where)

    async def send(self, *frames: bytes, cpu: int = 0, nbls: list[v6.NetBufferList] | None = None) -> None:
        """Send frames from a, one in each list, in one call."""
        chosen = nbls or self.sender.nbls[: len(frames)]
        for nbl, data in zip(chosen, frames, strict=True):
            nbl.fill(data)
        await self.dispatch(self.hosts[0], lambda: self.sender.binding.send_nbls(chosen), cpu=cpu)

    def rules(self) -> list[str]:
        """Return the rules of the findings since the last look."""
        new = self.emu.findings[self._seen :]
        self._seen += len(new)
        return [finding.rule for finding in new]

    @property
    def received(self) -> list[bytes]:
        """What arrived at b."""
        return [data for data, _ in self.receiver.received]

    @property
    def driver(self) -> Ring6Miniport:
        """The driver of b."""
        miniport = self.b.adapter.miniport
        assert isinstance(miniport, Ring6Miniport)
        return miniport


def on_wire6(
    *, a: Mapping[str, int] | None = None, b: Mapping[str, int] | None = None, mtus: tuple[int, int] = (1500, 1500)
) -> Callable[[Callable[Concatenate[Wire6, P], Awaitable[None]]], Callable[P, None]]:
    """Run a test that takes a `Wire6` first, under virtual time; nothing may be left unseen."""

    def decorate(test: Callable[Concatenate[Wire6, P], Awaitable[None]]) -> Callable[P, None]:
        @functools.wraps(test)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
            async def main() -> None:
                async with Emulation(seed=1) as emu:
                    wire = Wire6(emu, a or {}, b or {}, mtus)
                    await wire.bind()
                    await test(wire, *args, **kwargs)
                assert wire.rules() == []

            run(main())

        signature = inspect.signature(test)
        rest = list(signature.parameters.values())[1:]
        wrapper.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]  # what pytest reads
        return wrapper

    return decorate
