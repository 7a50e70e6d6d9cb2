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
        # Python flushes once more at its exit, and what is left has no reader either.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
