"""What a run leaves behind: the peak memory of this process.

The peak is that of the whole life of a process, so one process can measure
one run only. It is read from the kernel's account of this program's address
space (VmHWM): what `getrusage` reports is inherited from whoever started it.
"""

from pathlib import Path
from typing import Final

from ndisemu.bench.passage import Load
from ndisemu.bench.path import send_through
from ndisemu.errors import UsageError

ACCOUNT: Final = Path("/proc/self/status")


def peak_after(load: Load) -> int:
    """Send `load` over the whole path; returns the peak resident memory of this process so far, in bytes."""
    send_through(load)
    return peak()


def peak(account: Path = ACCOUNT) -> int:
    """Return the peak resident memory of this process in bytes."""
    try:
        lines = account.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise UsageError(f"the peak memory of a process is read from {account}, which only Linux has") from error
    kibibytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kibibytes) * 1024
