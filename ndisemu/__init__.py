"""ndisemu: an executable NDIS.

Network drivers written as coroutines run against a faithful NDIS library, on
an asyncio loop that plays the IRQL/DPC scheduler, over a register-accurate
virtual network card.
"""

from typing import Final

__version__: Final = "0.1.0"

__all__ = ["__version__"]
