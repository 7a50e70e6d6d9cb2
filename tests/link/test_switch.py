"""Claims about the learning switch: who gets which frame, and for how long an address is known."""

import pytest

from ndisemu.errors import UsageError
from ndisemu.kernel import Kernel
from ndisemu.kernel.kernel import FOREVER
from ndisemu.link import Switch
from tests.link.conftest import Office, address, frame

BROADCAST = b"\xff" * 6


def office_of(count: int, *, ageing: int = FOREVER, addresses: int = 16) -> tuple[Office, Switch]:
    """Return hosts on a switch by unpaced cables."""
    kernel = Kernel()
    switch = Switch(kernel, "sw", ageing=ageing, addresses=addresses)
    return Office(kernel, switch, [None] * count), switch


def test_an_unknown_address_is_looked_for_everywhere_and_a_known_one_is_not() -> None:
    """The first frame is flooded, the answer goes to where it came from, and then nobody else hears the two."""
    office, switch = office_of(4)
    office.send(0, frame(address(1), address(0)))
    office.send(1, frame(address(0), address(1)))
    office.send(0, frame(address(1), address(0)))
    assert [len(told) for told in office.told] == [1, 2, 1, 1]
    assert (switch.forwarded, switch.flooded, switch.copies) == (2, 1, 3)


@pytest.mark.parametrize("destination", [BROADCAST, bytes.fromhex("01005e000001")])
def test_frames_for_many_go_to_all_but_their_sender(destination: bytes) -> None:
    """Broadcast and multicast are flooded however often."""
    office, switch = office_of(3)
    for _ in range(2):
        office.send(0, frame(destination, address(0)))
    assert [len(told) for told in office.told] == [0, 2, 2]
    assert switch.flooded == 2


def test_a_host_that_moves_is_found_again() -> None:
    """What an address was heard at last is where its frames go."""
    office, _ = office_of(3)
    office.send(1, frame(BROADCAST, address(9)))
    office.send(2, frame(BROADCAST, address(9)))
    before = [len(told) for told in office.told]
    office.send(0, frame(address(9), address(0)))
    assert [len(told) for told in office.told] == [before[0], before[1], before[2] + 1]


def test_frames_between_two_hosts_on_one_port_are_not_passed_on() -> None:
    """A frame whose destination is behind the port it came from is there already."""
    office, switch = office_of(3)
    office.send(0, frame(BROADCAST, address(8)))
    office.send(0, frame(address(8), address(9)))
    assert switch.count().drops["same_port"] == 1
    assert [len(told) for told in office.told] == [0, 1, 1]


@pytest.mark.parametrize(("last", "dropped"), [(0, 1), (15, 1), (16, 0)])
def test_reserved_addresses_are_for_the_switch_alone(last: int, dropped: int) -> None:
    """Sixteen group addresses, those of the spanning tree and of flow control among them, are not passed on."""
    office, switch = office_of(2)
    office.send(0, frame(bytes.fromhex("0180c20000") + bytes([last]), address(0)))
    assert (switch.count().drops["reserved"], switch.flooded) == (dropped, 1 - dropped)


def test_runts_are_dropped_from_the_midst_of_a_burst() -> None:
    """A frame shorter than 60 bytes goes nowhere, and its neighbours do."""
    office, switch = office_of(2)
    office.send(0, frame(address(1), address(0), 60), frame(address(1), address(0), 59), frame(address(1), address(0)))
    assert [len(data) for data, _ in office.told[1]] == [60, 60]
    assert switch.count().drops["runt"] == 1


def test_an_address_is_forgotten_after_the_ageing_time() -> None:
    """At exactly that nanosecond frames for it are flooded again."""
    office, switch = office_of(3, ageing=1000)
    office.send_at(100, 1, [frame(BROADCAST, address(1))])
    for now in (1099, 1100):
        office.send_at(now, 0, [frame(address(1), address(0))])
    office.kernel.run(FOREVER, 100)
    assert (switch.forwarded, switch.flooded) == (1, 2)
    assert repr(switch.addresses) == "<AddressTable 1/16 addresses>"


def test_a_port_that_lost_its_carrier_is_forgotten() -> None:
    """Who was at a port whose cable was cut is looked for everywhere."""
    office, switch = office_of(3)
    office.send(1, frame(BROADCAST, address(1)))
    office.cables[1].down()
    office.cables[1].up()
    office.send(0, frame(address(1), address(0)))
    assert (switch.forwarded, switch.flooded) == (0, 2)


def test_a_full_table_learns_nothing_more() -> None:
    """What is not learned is flooded for, and counted."""
    office, switch = office_of(3, addresses=1)
    for port in (0, 1):
        office.send(port, frame(BROADCAST, address(port)))
    office.send(2, frame(address(0), address(2)), frame(address(1), address(2)))
    assert (switch.forwarded, switch.flooded) == (1, 3)
    assert (len(switch.addresses), switch.addresses.refused) == (1, 3)


@pytest.mark.parametrize("wrong", [{"ageing": 0}, {"addresses": -1}])
def test_a_switch_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    """No time to keep addresses, and no number of them, are the user's mistake."""
    with pytest.raises(UsageError, match="sw1 must keep addresses for at least 1 ns"):
        Switch(Kernel(), "sw1", **wrong)
