"""All peers, in the order of the table, each with what to call it when it cannot run."""

from typing import Final

from benchmarks.peers import asyncio_queues, ns_py, ourselves, packet_sockets, scapy_pipe, simpy_stores
from benchmarks.peers.measure import Offer

SIZES: Final = (64, 1500)
OFFERS: Final[tuple[Offer, ...]] = (
    ("ndisemu", ourselves.ndisemu),
    ("bare prototype", ourselves.prototype),
    ("asyncio.Queue(64)", asyncio_queues.burst),
    ("asyncio.Queue(1)", asyncio_queues.single),
    ("AF_PACKET over veth", packet_sockets.peer),
    ("ns.py", ns_py.direct),
    ("ns.py with Port", ns_py.with_port),
    ("SimPy", simpy_stores.peer),
    ("Scapy", scapy_pipe.peer),
)
