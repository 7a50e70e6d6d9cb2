"""SimPy: producer -> Store -> relay -> Store -> consumer."""

from collections.abc import Generator

from benchmarks.peers.peer import Peer, Sample, cpu_time, version_of


def carry(size: int, frames: int) -> Sample:
    """Pass so many references to frames through two stores."""
    import simpy

    env = simpy.Environment()
    near, far = simpy.Store(env), simpy.Store(env)
    payload = bytes(size)
    arrived: list[bytes] = []

    def produce() -> Generator[simpy.Event, None, None]:
        for _ in range(frames):
            yield near.put(payload)

    def relay() -> Generator[simpy.Event, bytes, None]:
        while True:
            frame = yield near.get()
            yield far.put(frame)

    def consume() -> Generator[simpy.Event, bytes, None]:
        while True:
            frame = yield far.get()
            arrived.append(frame)

    for process in (produce(), relay(), consume()):
        env.process(process)
    cpu_ns = cpu_time(env.run)
    return Sample(len(arrived), cpu_ns)


def peer() -> Peer:
    """Three processes and two stores."""
    return Peer(
        "SimPy",
        version_of("simpy"),
        "producer, Store, relay, Store, consumer; references only, nothing copied, nothing compared",
        frames=25_000,
        carry=carry,
        promised=True,
    )
