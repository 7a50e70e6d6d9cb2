"""The document that a call results in, written and read again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ndisemu import __version__
from ndisemu.bench.document import _cpu_model, _how_built, read_document, this_machine
from ndisemu.errors import UsageError
from tests.bench.conftest import MACHINE, document, section


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Nothing of a document is lost in JSON, not even what no column shows."""
    file = tmp_path / "bench.json"
    written = document(section(1, 2), section(3, name="echo"))
    file.write_text(written.to_json(), encoding="utf-8")
    assert read_document(file) == written


def test_the_json_is_one_document_with_everything_in_it() -> None:
    """Version first, then the machine, the calibration, and sections whose targets say whether they hold."""
    told = json.loads(document(section(999)).to_json())
    assert list(told) == ["schema_version", "machine", "calibration", "sections"]
    assert told["schema_version"] == 1
    assert told["machine"]["libraries"] == {"rich": "13.7"}
    (found,) = told["sections"]
    assert found["rows"] == [{"burst": 1, "driver": "ring", "rate": 999, "share": None, "unseen": 7}]
    assert found["charts"][0]["lines"] == {"ring": [[1, 999]]}
    assert [(target["reached"], target["holds"]) for target in found["targets"]] == [(999, False), (0.25, True)]


VALID = document().to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text: invalid json"),
        ("{", "the text: invalid json"),
        ("[]", "the text: input should be"),
        ("{}", "machine: field required"),
        ("\xff", "the text: invalid json"),
        (VALID.replace('"cores": 2', '"cores": "many"'), "machine.cores: input should be a valid integer"),
        (VALID.replace('"role": "rate"', '"role": "roll"'), "sections.0.columns.2.role: input should be"),
        (VALID.replace('"schema_version": 1', '"schema_version": 2'), "has the schema version 2; this ndisemu reads 1"),
    ],
)
def test_another_file_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    """Whoever names the wrong file learns what is wrong with it."""
    file = tmp_path / "other.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError) as caught:
        read_document(file)
    assert str(caught.value).startswith(str(file))
    assert message in str(caught.value)


@pytest.mark.parametrize(("name", "message"), [("none.json", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"cannot be read: {message}"):
        read_document(tmp_path / name)


def test_this_machine_is_described() -> None:
    """Versions of ndisemu and of what it is built on are in it."""
    machine = this_machine()
    assert machine.ndisemu == __version__
    assert machine.cores >= 1
    assert machine.cpu
    assert machine.python.split()[1].count(".") == 2
    assert {"rich", "pydantic", "click"} <= machine.libraries.keys()


def test_the_processor_is_what_linux_calls_it(tmp_path: Path) -> None:
    """The first model is it; where there is no account there is still a word."""
    account = tmp_path / "cpuinfo"
    account.write_text("processor\t: 0\nmodel name\t: Fast One\nmodel name\t: Other\n", encoding="utf-8")
    assert _cpu_model(account) == "Fast One"
    assert _cpu_model(tmp_path / "none")


@pytest.mark.parametrize(
    ("mappings", "words"),
    [
        ("7f00-7f01 r-xp 0 08:01 5 /usr/lib/libpython3.11.so.1.0\n7f02-7f03 r-xp 0 08:01 6 /usr/lib/libc.so.6\n", " (shared library)"),
        ("5500-5501 r-xp 0 08:01 5 /usr/bin/python3.11\n7f02-7f03 r-xp 0 08:01 6 /usr/lib/libc.so.6\n", ""),
        (None, ""),
    ],
)  # fmt: skip
def test_an_interpreter_in_a_shared_library_is_told(tmp_path: Path, mappings: str | None, words: str) -> None:
    """It is slower than the same version in one piece; where nobody says what is mapped, nothing is said."""
    if mappings is not None:
        (tmp_path / "maps").write_text(mappings, encoding="utf-8")
    assert _how_built(tmp_path / "maps") == words


def test_a_machine_is_another_by_what_changes_rates() -> None:
    """System, processor, cores and Python make a machine; ndisemu and libraries are what is compared."""
    assert MACHINE.differences(replace(MACHINE, ndisemu="9", libraries={})) == ()
    other = replace(MACHINE, cpu="Slow", cores=1, python="CPython 3.13.0", platform="Darwin arm64")
    assert MACHINE.differences(other) == (
        "platform: Darwin arm64, now Linux x86_64",
        "CPU: Slow, now Some CPU <tm>",
        "cores: 1, now 2",
        "Python: CPython 3.13.0, now CPython 3.11.7",
    )
