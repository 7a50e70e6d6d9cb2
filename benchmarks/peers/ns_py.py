"""ns.py: generator -> Wire -> sink, and the same with a switch's Port before the Wire.

Nothing is recorded, nothing waits on Port or Wire: its fastest configuration.
"""

from benchmarks.peers.peer import Peer, Sample, cpu_time, version_of


def carry(size: int, frames: int, *, port: bool) -> Sample:
    """Simulate so many packets of this size; they have no payload."""
    import simpy
    from ns.packet.dist_generator import DistPacketGenerator
    from ns.packet.sink import PacketSink
    from ns.port.port import Port
    from ns.port.wire import Wire

    env = simpy.Environment()
    source = DistPacketGenerator(env, "a", arrival_dist=lambda: 1, size_dist=lambda: size, size=size * frames)
    wire = Wire(env, delay_dist=lambda: 0)
    sink = PacketSink(env, rec_arrivals=False, rec_waits=False)
    wire.out = sink
    if port:
        source.out = Port(env, rate=0)
        source.out.out = wire
    else:
        source.out = wire
    cpu_ns = cpu_time(env.run)
    return Sample(int(sink.packets_received[0]), cpu_ns)


def direct() -> Peer:
    """Generator, Wire and sink."""
    return Peer(
        "ns.py",
        version_of("ns.py"),
        "generator, Wire, sink; a packet object with a size, no payload, nothing compared",
        frames=40_000,
        carry=lambda size, frames: carry(size, frames, port=False),
        promised=True,
    )


def with_port() -> Peer:
    """Generator, Port, Wire and sink."""
    return Peer(
        "ns.py with Port",
        version_of("ns.py"),
        "generator, Port of unlimited rate, Wire, sink; a packet object with a size, no payload, nothing compared",
        frames=20_000,
        carry=lambda size, frames: carry(size, frames, port=True),
        promised=True,
    )
