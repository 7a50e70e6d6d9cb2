"""802.1Q tags beside a packet: the bits of TagHeader, and those of the wire."""

from hypothesis import given, strategies as st

from ndisemu.ndis import PacketPool, Tag

TAGS = st.builds(Tag, st.integers(0, 7), st.integers(0, 4095), st.integers(0, 1))


def test_the_layouts_are_those_of_the_documents() -> None:
    """TagHeader has the priority in its lowest bits, the tag control information in its highest."""
    tag = Tag(user_priority=5, vlan_id=0x123, canonical_format=1)
    assert (tag.pack(), tag.to_wire()) == (0x123 << 4 | 1 << 3 | 5, 5 << 13 | 1 << 12 | 0x123)
    assert Tag().pack() == 0


@given(TAGS, st.integers(0, 0xFFFF))
def test_what_is_packed_can_be_read(tag: Tag, reserved: int) -> None:
    """Both layouts give the tag back, whatever the reserved bits say."""
    assert Tag.unpack(tag.pack() | reserved << 16) == tag
    assert Tag.from_wire(tag.to_wire()) == tag


@given(st.builds(Tag, st.integers(0, 100), st.integers(0, 1 << 20), st.integers(0, 9)))
def test_a_field_does_not_run_into_its_neighbour(tag: Tag) -> None:
    """A value too large for its field loses what does not fit."""
    assert tag.pack() < 1 << 16
    assert Tag.unpack(tag.pack()) == Tag.from_wire(tag.to_wire())


def test_a_freed_packet_has_neither_tag_nor_cancel_id() -> None:
    """The next user of a descriptor finds both unset, as for a new one."""
    pool = PacketPool("packets", "test", 1, 0)
    packet = pool.allocate("somebody")
    assert packet is not None
    assert (packet.cancel_id, packet.ieee8021q) == (0, 0)
    packet.cancel_id, packet.ieee8021q = 7, Tag(3).pack()
    pool.free(packet, "somebody")
    assert (packet.cancel_id, packet.ieee8021q) == (0, 0)
