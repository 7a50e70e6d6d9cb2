"""Scapy: build an Ethernet frame, write it to a pipe, read it, and parse it.

Only Ethernet and a payload, as the frames of our own benchmark are: more
layers would cost Scapy more.
"""

import os

from benchmarks.peers.peer import Peer, Sample, cpu_time, version_of

_HEADER = 14


def carry(size: int, frames: int) -> Sample:
    """Build, carry and parse so many frames."""
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw

    payload = bytes(size - _HEADER)
    reader, writer = os.pipe()
    arrived = 0

    def work() -> None:
        nonlocal arrived
        for _ in range(frames):
            frame = Ether(dst="02:00:00:00:0b:01", src="02:00:00:00:0a:01", type=0x88B5) / Raw(payload)
            os.write(writer, bytes(frame))
            arrived += len(Ether(os.read(reader, size))[Raw].load) == len(payload)

    try:
        return Sample(cpu_ns=cpu_time(work), arrived=arrived)
    finally:
        os.close(reader)
        os.close(writer)


def peer() -> Peer:
    """Build, pipe and parse."""
    return Peer(
        "Scapy",
        version_of("scapy"),
        "Ether/Raw built, written to a pipe, read, parsed; 2 copies by the system, lengths compared",
        frames=1_500,
        carry=carry,
        promised=True,
    )
