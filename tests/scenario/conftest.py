"""A directory with a capture in it, a way to write scenarios there, and a good one; and a module of drivers."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from ndisemu.errors import ScenarioError
from ndisemu.frame import pcapng
from ndisemu.scenario.load import load

A, B = bytes.fromhex("020000000a01"), bytes.fromhex("020000000b01")

GOOD = """\
version: 1
name: two hosts, one cable
seed: 7
duration: 2s
hosts:
  a: {cpus: 2, nics: {eth0: {mac: "02:00:00:00:0a:01", tx_ring: 64, itr: 20us}}}
  b: {nics: {eth0: {mac: 02:00:00:00:0b:01, miniport: {class: "nowhere.to_be_found:MyMiniport"}}}}
links:
  - {between: [a.eth0, b.eth0], rate: 1Gbit/s, delay: 5us}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 1000, size: imix, burst: 64}
  - {from: b.eth0, to: a.eth0, kind: replay, file: captures/web.pcapng, select: source-mac}
capture: {interfaces: all}
expect:
  - {that: a.eth0.sends.completed, equals: 1000}
"""

DRIVERS: Final = """
from ndisemu import RingMiniport

class Mine(RingMiniport):
    made = 0

    def __init__(self):
        type(self).made += 1

class Outer:
    class Inner(RingMiniport):
        pass
"""

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a scenario into an empty directory that holds a capture, and go there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "captures").mkdir()
    frame = A + B + b"\x08\x00" + bytes(46)
    blocks = [pcapng.section_header(application="test"), pcapng.interface_description("eth0", "a wire")]
    (tmp_path / "captures" / "web.pcapng").write_bytes(b"".join([*blocks, pcapng.enhanced_packet(0, 0, frame)]))

    def written(text: str | bytes) -> Path:
        Path("s.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
        return Path("s.yaml")

    return written


@pytest.fixture
def problems(write: Write) -> Callable[..., list[str]]:
    """Return a function that tells what is wrong with a text or file under overrides, without the file's name."""

    def found(source: str | bytes | Path, *overrides: str) -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            load(source if isinstance(source, Path) else write(source), overrides)
        return [str(problem).removeprefix("s.yaml:") for problem in caught.value.problems]

    return found


@pytest.fixture
def good() -> str:
    """A scenario with all parts of the language and nothing wrong."""
    return GOOD


@pytest.fixture
def drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module with drivers on the path; its name, which no other test has."""
    name = f"drivers_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(DRIVERS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name
