"""Claims about the hub: everybody hears everything."""

from ndisemu.kernel import Kernel
from ndisemu.link import Hub
from tests.link.conftest import Office, address, frame


def test_a_hub_repeats_everything_to_all_others() -> None:
    """Frames for one host reach every host but their sender, each time."""
    kernel = Kernel()
    hub = Hub(kernel, "hub")
    office = Office(kernel, hub, [None] * 3)
    office.send(1, frame(address(0), address(1)))
    office.send(0, *[frame(address(1), address(0))] * 2)
    assert [len(told) for told in office.told] == [1, 2, 3]
    assert (hub.forwarded, hub.flooded, hub.copies) == (0, 3, 6)
