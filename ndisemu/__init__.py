"""ndisemu: an executable NDIS.

Network drivers written as coroutines run against a faithful NDIS library, on
an asyncio loop that plays the IRQL/DPC scheduler, over a register-accurate
virtual network card.

    async with ndisemu.Emulation(seed=7) as emu: ...
    ndisemu.run(main())

The names below are loaded when they are first used, so that
`python -m ndisemu --help` does not pay for what it does not need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ndisemu.drivers.ring import RingMiniport
    from ndisemu.drivers.ring6 import Ring6Miniport
    from ndisemu.drivers.stream import StreamMiniport
    from ndisemu.kernel import run
    from ndisemu.machine import Application, Emulation, Host
    from ndisemu.ndis import Status, v5, v6

__version__: Final = "0.1.0"

__all__ = [
    "Application",
    "Emulation",
    "Host",
    "Ring6Miniport",
    "RingMiniport",
    "Status",
    "StreamMiniport",
    "__version__",
    "run",
    "v5",
    "v6",
]

_HOMES: Final = {
    "Application": "ndisemu.machine",
    "Emulation": "ndisemu.machine",
    "Host": "ndisemu.machine",
    "Ring6Miniport": "ndisemu.drivers.ring6",
    "RingMiniport": "ndisemu.drivers.ring",
    "Status": "ndisemu.ndis",
    "StreamMiniport": "ndisemu.drivers.stream",
    "run": "ndisemu.kernel",
    "v5": "ndisemu.ndis",
    "v6": "ndisemu.ndis",
}


def __getattr__(name: str) -> object:
    """Load a public name from its home (PEP 562)."""
    if name in _HOMES:
        found: object = getattr(import_module(_HOMES[name]), name)
        return found
    raise AttributeError(f"module 'ndisemu' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
