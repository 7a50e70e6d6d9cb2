"""The ledger: what is remembered at each level, and what is written down."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ndisemu import Emulation, run
from ndisemu.drivers.ring import RingMiniport
from ndisemu.kernel import Finding
from ndisemu.ndis import Packet, Status
from ndisemu.verifier import RULES, Track, Verification
from tests.verifier.exercises import found_in


class Twice(RingMiniport):
    """It completes what is complete."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets)
        self.ndis.send_complete(packets, Status.SUCCESS)


def second_completion(track: Track) -> Finding:
    """Return the finding about a packet that was completed twice."""
    findings = found_in(Twice, "life", Verification(RULES, track))
    return next(finding for finding in findings if finding.rule == "send-double-complete")


@pytest.mark.parametrize(
    ("track", "lines"), [(Track.OFF, 0), (Track.OWNER, 1), (Track.LEAKS, 1), (Track.HISTORY, 5)], ids=str
)
def test_each_level_remembers_more(track: Track, lines: int) -> None:
    """Nothing, the last call, or all of them; the rule is found at any level."""
    assert len(second_completion(track).history) == lines


@pytest.mark.parametrize(("track", "lines"), [(Track.OWNER, [1, 2]), (Track.LEAKS, [0, 1])], ids=str)
def test_a_leak_is_known_as_long_as_it_is_one(track: Track, lines: list[int]) -> None:
    """Of a packet that has come back only the level of owners knows; of one that waits for a link both do."""

    async def main() -> list[int]:
        async with Emulation(seed=1, verify=Verification(RULES, track)) as emulation:
            assert emulation.verifier is not None
            a, b = (emulation.host(name).nic("eth0", RingMiniport) for name in "ab")
            cable = emulation.connect(a, b)
            binding = await a.host.bind("eth0")
            packets = list(a.host.ndis.packet_pools[-1])
            found = []
            for act in (binding.send([b.mac + bytes(54)]), asyncio.sleep(0)):
                await act
                found.append(sum(bool(emulation.verifier.ledger.history(packet)) for packet in packets))
                cable.down()
                waiting = asyncio.ensure_future(binding.send([b.mac + bytes(54)]))
                await asyncio.sleep(1e-3)
            cable.up()
            await waiting
        return found

    assert run(main()) == lines


def test_with_stacks_each_call_has_the_drivers_lines() -> None:
    """Below the call they stand, the innermost first."""
    history = second_completion(Track.STACKS).history
    completion = max(place for place, line in enumerate(history) if "NdisMSendComplete" in line)
    assert "in Twice.send_packets" in history[completion + 1]


def test_what_is_written_down_has_the_owners_before_and_after() -> None:
    """A call that begins and its end have one number; where all have one owner it stands once."""

    async def main() -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        async with Emulation(seed=1, verify=Verification()) as emulation:
            assert emulation.verifier is not None
            emulation.verifier.ledger.listen(records.append)
            a, b = (emulation.host(name).nic("eth0", RingMiniport) for name in "ab")
            emulation.connect(a, b)
            binding = await a.host.bind("eth0")
            await binding.send([b.mac + bytes(54)] * 3)
        return records

    records = run(main())
    begun = next(record for record in records if record.get("call") == "NdisSendPackets")
    over = next(record for record in records if record["n"] == begun["n"] and record is not begun)
    assert len(begun["items"]) == 3
    assert all(item.startswith("a/packet#") for item in begun["items"])
    assert (begun["owners"], over["owners"]) == (["application of a on a.eth0"], ["a.eth0 (sending)"])
    assert {record["n"] for record in records if "items" in record} == {
        record["n"] for record in records if "items" not in record
    }
