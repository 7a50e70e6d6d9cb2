"""Drivers that keep one instant going for ever, or never end a request, end in a report."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DRIVERS = """
from ndisemu import RingMiniport, Status


class DelaysByNothing(RingMiniport):
    async def send_packets(self, packets):
        while True:
            await self.ndis.delay(0)


class NeverSets(RingMiniport):
    def set_information(self, request):
        return Status.PENDING


class HasCoroutineTimer(RingMiniport):
    def initialize(self, adapter):
        async def expired():
            pass

        self.ndis.initialize_timer(expired)
        return super().initialize(adapter)
"""

SCENARIO = """
version: 1
name: a driver that does not let go
hosts:
  a: {{nics: {{eth0: {{miniport: {{class: "lives_beside:{driver}"}}}}}}}}
  b: {{nics: {{eth0: {{}}}}}}
links:
  - {{between: [a.eth0, b.eth0]}}
traffic:
  - {{from: a.eth0, to: b.eth0, kind: generator, frames: 100, size: 64, burst: 16}}
"""


@pytest.mark.parametrize(
    ("driver", "rule", "code"),
    [
        ("DelaysByNothing", "send-never-completed", 124),
        ("NeverSets", "oid-never-completed", 1),
        ("HasCoroutineTimer", "entry-async", 1),
    ],
)
def test_it_is_named_and_the_run_ends(tmp_path: Path, driver: str, rule: str, code: int) -> None:
    """The result names the rule and the adapter, whether the run ended by itself or by its wall-clock limit."""
    (tmp_path / "lives_beside.py").write_text(DRIVERS)
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO.format(driver=driver))

    ended = subprocess.run(
        [sys.executable, "-m", "ndisemu", "run", str(file), "--json", "--wall-limit", "2s"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == code
    violations = json.loads(ended.stdout)["violations"]
    assert (violations[0]["rule"], violations[0]["actor"]) == (rule, "a.eth0")
