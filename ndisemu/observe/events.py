"""The event log: every step of every burst, as lines of JSON and as one hash.

Events are kept as tuples while the emulation runs and turned into text in
runs, because formatting costs ten times what noting does. The hash of the
text is the run's `trace_sha256`; it is the same whether anybody keeps the
text.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from ndisemu.kernel import Kernel

RUN: Final = 4096


class EventLog:
    """Notes the events of one kernel; `write` is given the text, as bytes of whole lines, where it is wanted.

    A line has the time `t` in ns, `cpu` and `irql` of the running code, the
    `kind` of event, the `actor`, the `count` of what it concerned, and a
    `detail` where there is one.
    """

    def __init__(self, kernel: Kernel, write: Callable[[bytes], None] | None = None) -> None:
        self._kernel = kernel
        self._write = write
        self._hash = sha256()
        self._noted: list[tuple[int, str, int, str, str, int, str]] = []
        self.count = 0

    def attach(self) -> None:
        """Start noting."""
        self._kernel.probe.event = self.note

    def detach(self) -> None:
        """Stop noting, and write out what was noted."""
        self._kernel.probe.event = None
        self._flush()

    def note(self, kind: str, actor: str, count: int, detail: str) -> None:
        """Note one event at the present time (`Probe.event`)."""
        kernel = self._kernel
        cpu = kernel.current
        if cpu is None:
            self._noted.append((kernel.now, "", 0, kind, actor, count, detail))
        else:
            self._noted.append((max(kernel.now, cpu.busy_until), cpu.name, cpu.irql, kind, actor, count, detail))
        if len(self._noted) >= RUN:
            self._flush()

    def hexdigest(self) -> str:
        """Return the hash of all events up to now."""
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        self.count += len(self._noted)
        text = "".join(map(_line, self._noted)).encode()
        self._noted.clear()
        self._hash.update(text)
        if self._write is not None and text:
            self._write(text)


def _line(event: tuple[int, str, int, str, str, int, str]) -> str:
    time, cpu, irql, kind, actor, count, detail = event
    fields: dict[str, int | str] = {
        "t": time, "cpu": cpu, "irql": irql, "kind": kind, "actor": actor, "count": count,
    }  # fmt: skip
    if detail:
        fields["detail"] = detail
    return json.dumps(fields, separators=(",", ":")) + "\n"
