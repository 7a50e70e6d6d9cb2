"""Runs repeat: the same seed and scenario give the same events and the same capture, whatever is around them.

`tests/golden/traces.json` holds the hashes of a few runs. As the suite runs on every supported Python, that each of
them finds these hashes shows that all of them agree. After a change that is meant to alter what happens in a run,
`python tests/test_determinism.py` writes the file anew.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

import ndisemu
from ndisemu.scenario.load import load
from ndisemu.scenario.run import Options, run
from ndisemu.verifier import EVERYTHING

ROOT: Final = Path(__file__).parents[1]
GOLDEN: Final = ROOT / "tests" / "golden" / "traces.json"
GENERATED: Final = ROOT / "tests" / "golden" / "generated.yaml"
SCENARIOS: Final = {
    "quickstart": ROOT / "scenarios" / "quickstart.yaml",
    "mixed": ROOT / "scenarios" / "mixed.yaml",
    "generated": GENERATED,
    "circuits": ROOT / "scenarios" / "seeds" / "003-connection-oriented.yaml",
    "streams": ROOT / "scenarios" / "seeds" / "003-wdm-edge.yaml",
}
# `python -m ndisemu` where uvloop cannot be imported.
WITHOUT_UVLOOP: Final = """
import sys
sys.modules["uvloop"] = None
from ndisemu.cli.main import main
main()
"""

Hashes = dict[str, str]


def hashes(name: str, out: Path, *overrides: str, checked: bool = True) -> Hashes:
    """Run a scenario in this process; return the hashes of its events and of its capture."""
    result = ndisemu.run(
        run(load(SCENARIOS[name], overrides), Options(out=out, verify=EVERYTHING if checked else None))
    )
    capture = sha256((out / "capture.pcapng").read_bytes()).hexdigest()
    return {"trace_sha256": result["trace_sha256"], "capture_sha256": capture}


@pytest.fixture(scope="module")
def golden() -> dict[str, Hashes]:
    """The hashes that every run must have."""
    content: dict[str, Hashes] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return content


@pytest.fixture
def load_on_the_machine() -> Iterator[None]:
    """Keep the processors busy with something else."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("checked", [True, False], ids=["checked", "free"])
def test_a_run_has_the_hashes_of_every_other_python(
    golden: dict[str, Hashes], tmp_path: Path, name: str, *, checked: bool
) -> None:
    """On each Python, checked or free, events and capture are byte for byte the same."""
    assert hashes(name, tmp_path / "out", checked=checked) == golden[name]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_second_run_in_one_process_is_the_first_again(golden: dict[str, Hashes], tmp_path: Path, name: str) -> None:
    """Nothing of a run is left in the process that could change the next."""
    assert [hashes(name, tmp_path / str(number)) for number in range(2)] == [golden[name]] * 2


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_written_has_no_influence(golden: dict[str, Hashes], name: str) -> None:
    """Without a run directory, and so without any file or thread, the events are the same."""
    result = ndisemu.run(run(load(SCENARIOS[name]), Options()))
    assert result["trace_sha256"] == golden[name]["trace_sha256"]


@pytest.mark.parametrize("hash_seed", ["0", "1"])
@pytest.mark.parametrize("start", [["-m", "ndisemu"], ["-c", WITHOUT_UVLOOP]], ids=["uvloop", "no uvloop"])
@pytest.mark.parametrize("options", [[], ["--free"]], ids=["checked", "free"])
def test_the_command_gives_the_same_run_in_every_process(
    golden: dict[str, Hashes], tmp_path: Path, hash_seed: str, start: list[str], options: list[str]
) -> None:
    """Whatever the hash seed of the process, and whether or not uvloop is installed."""
    line = [sys.executable, *start, "run", "scenarios/quickstart.yaml", "--json", "--out", str(tmp_path), *options]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, timeout=100, check=True)
    assert json.loads(done.stdout)["trace_sha256"] == golden["quickstart"]["trace_sha256"]
    assert sha256((tmp_path / "capture.pcapng").read_bytes()).hexdigest() == golden["quickstart"]["capture_sha256"]


@pytest.mark.usefixtures("load_on_the_machine")
def test_a_busy_machine_changes_nothing(golden: dict[str, Hashes], tmp_path: Path) -> None:
    """How long anything takes outside has no influence on what happens inside."""
    assert {name: hashes(name, tmp_path / name) for name in SCENARIOS} == golden


def test_tasks_around_a_run_change_nothing(golden: dict[str, Hashes]) -> None:
    """Other asyncio tasks in the loop, sleeping or spinning, do not move an event."""

    async def main() -> str:
        async def keep_busy(pause: float) -> None:
            for _ in count():
                await asyncio.sleep(pause)

        around = [asyncio.create_task(keep_busy(pause)) for pause in (0, 0.000_037)]
        result = await run(load(SCENARIOS["mixed"]), Options())
        for task in around:
            task.cancel()
        trace = result["trace_sha256"]
        assert isinstance(trace, str)
        return trace

    assert ndisemu.run(main()) == golden["mixed"]["trace_sha256"]


def test_another_seed_gives_other_frames(golden: dict[str, Hashes], tmp_path: Path) -> None:
    """The seed decides what a generator sends, and equal seeds decide it equally."""
    one, other, again = (hashes("generated", tmp_path / name, f"seed={seed}") for name, seed in
                         (("one", 1), ("other", 2), ("again", 1)))  # fmt: skip
    assert one == again
    assert len({one["capture_sha256"], other["capture_sha256"], golden["generated"]["capture_sha256"]}) == 3


def test_the_golden_scenario_has_much_that_could_be_out_of_order() -> None:
    """It is valid and passes: several hosts, several CPUs, both directions, sizes that change, moderated interrupts."""
    result = ndisemu.run(run(load(GENERATED), Options()))
    assert result["passed"], result["violations"]
    assert len(result["nics"]) == 6


def write_golden() -> None:
    """Write the hashes of the present code."""
    with TemporaryDirectory() as place:
        found = {name: hashes(name, Path(place) / name) for name in SCENARIOS}
    GOLDEN.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_golden()
