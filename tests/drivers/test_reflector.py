"""Protocols that send back what they receive."""

from collections.abc import Sequence

import pytest

from ndisemu import Emulation, Ring6Miniport, RingMiniport, run
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.drivers.protocols import Reflector, Reflector6, reflected, reflector
from ndisemu.drivers.protocols.reflector import Reflection
from ndisemu.ndis import v5, v6

KINDS = [(RingMiniport, Reflector), (LegacyMiniport, Reflector), (Ring6Miniport, Reflector6)]


async def exchange(
    miniport: type[v5.Miniport] | type[v6.Miniport], answering: Reflector | Reflector6, count: int
) -> tuple[list[bytes], list[bytes]]:
    """Send frames to a reflector from an application; returns them, and what has come back."""
    async with Emulation() as emu:
        a, b = emu.host("a"), emu.host("b")
        near, far = a.nic("eth0", miniport), b.nic("eth0", miniport)
        emu.connect(near, far)
        await b.bind_protocol("eth0", answering)
        application = await a.bind("eth0")
        frames = [far.mac + near.mac + b"\x88\xb5" + bytes([number]) * (60 + number) for number in range(count)]
        await application.send(frames)
        back: list[bytes] = []
        while len(back) < count:
            back += await application.receive()
        await emu.idle()
        assert emu.findings == []
        return frames, back


@pytest.mark.parametrize(("miniport", "kind"), KINDS)
@pytest.mark.parametrize("packets", [1, 7, 256])
def test_every_frame_comes_back_with_its_addresses_exchanged(
    monkeypatch: pytest.MonkeyPatch,
    miniport: type[v5.Miniport] | type[v6.Miniport],
    kind: type[Reflector] | type[Reflector6],
    packets: int,
) -> None:
    """In order, whatever packets there are: what has to wait for one does."""
    monkeypatch.setattr(reflector, "PACKETS", packets)
    answering = kind()
    sent, back = run(exchange(miniport, answering, 40))
    assert back == [reflected(frame) for frame in sent]
    assert answering.failed == 0


def test_what_comes_together_is_answered_together() -> None:
    """One send for a burst, as far as there are packets; at the end nothing waits any more."""
    sent: list[int] = []

    class Carrier:
        ieee8021q = 0
        protocol_reserved: object | None = None

        def fill(self, data: bytes) -> None:
            assert len(data) == 60

    def submit(packets: Sequence[object]) -> None:
        sent.append(len(packets))

    answering: Reflection[Carrier] = Reflection()
    carriers = [Carrier() for _ in range(4)]
    answering.begin(carriers, submit)
    answering.answer([bytes(60)] * 6)
    answering.take_back(carriers[:3], 2)
    assert (sent, answering.failed) == ([4, 2], 2)
    answering.answer([bytes(60)] * 5)
    answering.end()
    answering.take_back(carriers, 0)
    assert sent == [4, 2, 1]
