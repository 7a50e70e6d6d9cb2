"""ixy.py's published rates: they need real cards and are quoted, not measured.

A forwarder in Python with the driver in user space: each packet is received,
one byte of it is changed, and it is sent; both directions are added up. It
ran on one core of a Xeon E3-1230 v3 at 3.3 GHz, with packets of 64 bytes.

Source: github.com/ixy-languages/ixy-languages, README.md ("Performance") and
img/batches-3.3.tex, which has the rate of each direction in Mpps with two
digits; the study is Emmerich et al., "The Case for Writing Network Drivers in
High-Level Programming Languages", ANCS 2019.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Published:
    """A rate that others have measured elsewhere; `promised` says that ndisemu should be at least as fast."""

    name: str
    version: str
    does: str
    size: int
    rate: int
    promised: bool


SIZE: Final = 64
SOURCE: Final = "ixy-languages/ixy-languages, img/batches-3.3.tex"
_DOES: Final = "forwarder between two real 10 Gbit/s ports, a byte of each frame changed; the cards move the frames, both ways added"
# Batch size, and packets a second of one direction.
_RATES: Final = ((1, 40_000), (64, 70_000), (256, 80_000))
PUBLISHED: Final = tuple(
    Published(f"ixy.py, batches of {batch}", "commit 0f33a0a", _DOES, SIZE, 2 * rate, promised=batch == max(_RATES)[0])
    for batch, rate in _RATES
)
