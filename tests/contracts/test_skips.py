"""What `tests/conftest.py` promises: where everything can run, nothing is skipped in silence."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

SKIPPING: Final = """
import pytest

@pytest.mark.skip(reason="no card here")
def test_marked(): ...

def test_called():
    pytest.skip("no link here")

@pytest.mark.xfail(reason="known", strict=True)
def test_expected_to_fail():
    assert False

def test_passing(): ...
"""


@pytest.mark.parametrize(
    ("no_skip", "summary"),
    [("0", "1 passed, 3 skipped, 1 xfailed"), ("1", "1 failed, 1 passed, 1 xfailed, 2 errors")],
)
def test_a_skip_fails_where_none_is_allowed(tmp_path: Path, no_skip: str, summary: str) -> None:
    """With NDISEMU_NO_SKIP=1 a skipped test or module is a failure; without it, it is a skip."""
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    (tmp_path / "test_skipping.py").write_text(SKIPPING, encoding="utf-8")
    (tmp_path / "test_module.py").write_text(
        'import pytest\npytest.skip("no system here", allow_module_level=True)\n', encoding="utf-8"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--continue-on-collection-errors", "-p", "no:cacheprovider"]
    environment = os.environ | {"NDISEMU_NO_SKIP": no_skip, "PYTEST_ADDOPTS": ""}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert summary in run.stdout
    assert ("no card here\nA skip is a failure here" in run.stdout) == (no_skip == "1")
