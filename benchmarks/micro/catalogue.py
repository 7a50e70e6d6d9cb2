"""All claims, in the order of their files."""

from benchmarks.micro import (
    break_even,
    calendar,
    descriptor_runs,
    disabled_logger,
    enum_alias,
    memory,
    probe,
    run_queue,
    tasks,
)
from ndisemu.bench.claim import Claim


def claims() -> list[Claim]:
    """Return what each file claims, ready to be tested."""
    modules = (
        break_even,
        calendar,
        descriptor_runs,
        disabled_logger,
        enum_alias,
        memory,
        probe,
        run_queue,
        tasks,
    )
    return [module.claim() for module in modules]
