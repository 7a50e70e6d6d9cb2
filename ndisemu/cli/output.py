"""What a verb prints on stdout, for as long as somebody reads it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def for_a_reader() -> Iterator[None]:
    """Print in this block. A reader that leaves (`| head -1`) ends it without a word, and changes no exit code."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop_the_rest()


def drop_the_rest() -> None:
    """Lose what is left of stdout: Python flushes once more at its exit, which would fail again and change the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
