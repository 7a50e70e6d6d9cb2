"""One small host memory for each test that asks for it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from ndisemu.memory import Block, HostMemory


@pytest.fixture
def memory() -> Iterator[HostMemory]:
    """Give the memory of a host called `h`: 16 pages, the first of which is never given out."""
    with closing(HostMemory("h", 16 * 4096)) as memory:
        yield memory


@pytest.fixture
def block(memory: HostMemory) -> Block:
    """Give one page-sized allocation, at the first address there is."""
    block = memory.allocate(4096, owner="nic0", purpose="ring")
    assert block is not None
    return block
