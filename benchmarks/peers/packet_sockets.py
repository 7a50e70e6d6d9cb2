"""Linux's own cards and driver: AF_PACKET sockets on both ends of a veth pair, in one Python process.

Each run is a process of its own in a network namespace of its own, made by
`unshare`. The namespace has no name and ends with its last process, however
that ends; nothing of it can be left behind.
"""

import json
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from time import process_time_ns
from typing import Final

from benchmarks.peers.peer import Peer, Sample, Unavailable

ROOT: Final = Path(__file__).parents[2]
NAMESPACE: Final = ("unshare", "--net")
# Ours alone, so that nothing else in the namespace is received.
ETHERTYPE: Final = 0x88B5
HEADER: Final = bytes.fromhex("02 00 00 00 0b 01 02 00 00 00 0a 01") + ETHERTYPE.to_bytes(2, "big")
# What a socket's receive buffer has room for at any size.
BURST: Final = 32
PATIENCE: Final = 5
_LINKS: Final = (
    "link add near address 02:00:00:00:0a:01 type veth peer name far address 02:00:00:00:0b:01",
    "link set near up",
    "link set far up",
)


def carry(size: int, frames: int) -> Sample:
    """Let a process in a namespace of its own send and receive so many frames."""
    command = [*NAMESPACE, sys.executable, "-m", __name__, str(size), str(frames)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        *_, reason = ["nothing", *done.stderr.splitlines()]
        raise Unavailable(f"the process in the namespace ended with {done.returncode} and said: {reason}")
    return Sample(*json.loads(done.stdout))


def exchange(size: int, frames: int) -> Sample:
    """Make the veth pair in the namespace of this process, send, and receive."""
    for arguments in _LINKS:
        subprocess.run(["ip", *arguments.split()], check=True)  # noqa: S607  where `ip` is differs between systems
    near, far = _bound("near"), _bound("far")
    # The kernel waits and gives up by itself; a time-out of Python's would cost a poll for each frame.
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", PATIENCE, 0))
    frame = HEADER.ljust(size, b"\xa5")
    arrived = 0
    started = process_time_ns()
    for first in range(0, frames, BURST):
        burst = range(min(BURST, frames - first))
        for _ in burst:
            near.send(frame)
        for _ in burst:
            arrived += len(far.recv(2048)) == size
    cpu_ns = process_time_ns() - started
    near.close()
    far.close()
    return Sample(arrived, cpu_ns)


def _bound(interface: str) -> socket.socket:
    """Return a socket that sends and receives whole frames at an interface."""
    bound = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
    bound.bind((interface, ETHERTYPE))
    return bound


def peer() -> Peer:
    """Two sockets over a veth pair; needs Linux, root, unshare and iproute2."""
    if not hasattr(socket, "AF_PACKET"):
        raise Unavailable(f"{platform.system()} has no AF_PACKET sockets")
    if os.geteuid() != 0:
        raise Unavailable("a network namespace needs root")
    for tool, package in (("ip", "iproute2"), ("unshare", "util-linux")):
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is not installed (Debian package {package})")
    allowed = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True, check=False)
    if allowed.returncode:
        raise Unavailable(f"the system refuses a network namespace: {allowed.stderr.strip()}")
    return Peer(
        "AF_PACKET over veth",
        f"{platform.system()} {platform.release()}",
        f"send, the kernel's veth pair, recv, {BURST} at a time; the kernel is card and driver; lengths compared",
        frames=60_000,
        carry=carry,
    )


if __name__ == "__main__":
    print(json.dumps(exchange(int(sys.argv[1]), int(sys.argv[2]))))
