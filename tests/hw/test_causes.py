"""Claims about interrupts: the line follows causes and mask, and throttling spaces assertions to the nanosecond."""

from contextlib import closing
from typing import Final

import pytest
from hypothesis import given, strategies as st

from ndisemu.hw import registers as reg
from tests.hw.conftest import Bench, Host, serviced

BITS: Final = st.sampled_from([reg.TXDW, reg.TXQE, reg.LSC, reg.RXT0, reg.TXDW | reg.RXT0, 0x1FFFF])


@given(st.lists(st.tuples(st.sampled_from(["ICS", "IMS", "IMC", "ICR", "read"]), BITS), max_size=30))
def test_the_line_is_the_and_of_causes_and_mask(steps: list[tuple[str, int]]) -> None:
    """Whatever is set, masked, acknowledged and read, the line is asserted while an unmasked cause is set."""
    icr = ims = 0
    with closing(Bench()) as bench:
        host = bench.host("h")
        for what, bits in steps:
            if what == "read":
                assert host.read(reg.ICR) == icr
                icr = 0
            else:
                host.write(getattr(reg, what), bits)
                icr = icr | bits if what == "ICS" else icr & ~bits if what == "ICR" else icr
                ims = ims | bits if what == "IMS" else ims & ~bits if what == "IMC" else ims
            assert host.interrupting() == bool(icr & ims)
            assert host.read(reg.IMS) == ims


def test_reading_icr_gives_all_causes_and_clears_them(host: Host) -> None:
    """Masked causes show too, and the line falls."""
    host.write(reg.IMS, reg.TXDW)
    host.write(reg.ICS, reg.TXDW | reg.RXT0)
    assert host.interrupting()
    assert [host.read(reg.ICR), host.read(reg.ICR)] == [reg.TXDW | reg.RXT0, 0]
    assert not host.interrupting()


def test_writing_ones_to_icr_clears_just_those(host: Host) -> None:
    """Acknowledging one cause leaves the other, and the line with it."""
    host.write(reg.IMS, reg.TXDW | reg.RXT0)
    host.write(reg.ICS, reg.TXDW | reg.RXT0)
    host.write(reg.ICR, reg.TXDW)
    assert host.interrupting()
    host.write(reg.ICR, reg.RXT0)
    assert not host.interrupting()
    assert host.read(reg.ICR) == 0


@pytest.mark.parametrize("register", [reg.ICS, reg.IMS])
def test_only_causes_that_exist_can_be_set(host: Host, register: int) -> None:
    """Reserved bits stay zero in ICR and IMS."""
    host.write(register, 0xFFFFFFFF)
    assert host.read(reg.ICR if register == reg.ICS else reg.IMS) == 0x1FFFF


def test_unmasking_a_pending_cause_interrupts_at_once(host: Host) -> None:
    """A cause waits in ICR until the mask lets it through."""
    seen: list[tuple[int, int]] = []
    serviced(host, lambda causes: seen.append((host.kernel.now, causes)))
    host.write(reg.ICS, reg.LSC)
    host.run(100)
    assert seen == []
    host.write(reg.IMS, reg.LSC)
    host.run(200)
    assert seen == [(100, reg.LSC)]


def asserting(host: Host, itr: int, raises: list[int]) -> list[int]:
    """Return when the service routine ran, if a cause is set at these times."""
    seen: list[int] = []
    serviced(host, lambda _: seen.append(host.kernel.now))
    host.write(reg.ITR, itr)
    host.write(reg.IMS, reg.TXDW)
    for when in raises:
        host.kernel.call_at(when, lambda: host.write(reg.ICS, reg.TXDW))
    host.run(raises[-1] + (itr + 1) * 256)
    return seen


@pytest.mark.parametrize("itr", [1, 10, 0xFFFF])
def test_assertions_are_spaced_by_the_interval(host: Host, itr: int) -> None:
    """Under constant causes the line rises exactly every ITR times 256 ns, from the first cause on."""
    step = itr * 256
    raises = list(range(40, 40 + 3 * step, max(50, step // 40)))
    assert asserting(host, itr, raises) == [40, 40 + step, 40 + 2 * step, 40 + 3 * step]


def test_without_an_interval_every_cause_interrupts(host: Host) -> None:
    """ITR = 0 is no throttling."""
    assert asserting(host, 0, [5, 6, 7, 400]) == [5, 6, 7, 400]


def test_a_cause_after_a_quiet_interval_interrupts_at_once(host: Host) -> None:
    """Throttling delays only what comes too early."""
    assert asserting(host, 10, [0, 2559, 5120, 9000]) == [0, 2560, 5120, 9000]


@given(
    st.integers(0, 20),
    st.lists(st.integers(1, 4000), min_size=1, max_size=20),
)
def test_throttled_assertions_are_those_of_a_simple_model(itr: int, pauses: list[int]) -> None:
    """A cause is served when the interval since the last assertion is over, together with all that came meanwhile."""
    raises = [sum(pauses[: count + 1]) for count in range(len(pauses))]
    wanted: list[int] = []
    for when in raises:
        if not wanted or when > wanted[-1]:
            wanted.append(max(when, wanted[-1] + itr * 256) if wanted else when)
    with closing(Bench()) as bench:
        assert asserting(bench.host("h"), itr, raises) == wanted


def test_a_new_interval_opens_the_gate(host: Host) -> None:
    """Writing ITR ends a running interval: what waited for it interrupts now."""
    seen: list[int] = []
    serviced(host, lambda _: seen.append(host.kernel.now))
    host.write(reg.ITR, 0xFFFF)
    host.write(reg.IMS, reg.TXDW)
    host.write(reg.ICS, reg.TXDW)
    host.run(10)
    host.write(reg.ICS, reg.TXDW)
    host.run(5000)
    assert seen == [0]
    host.write(reg.ITR, 0)
    host.run(6000)
    assert seen == [0, 5000]


def test_assertions_are_counted(host: Host) -> None:
    """Each rise of the line counts once, however many causes there were."""
    host.write(reg.IMS, 0x1FFFF)
    host.write(reg.ICS, reg.TXDW)
    host.write(reg.ICS, reg.RXT0)
    assert host.nic.causes.assertions == 1
    host.read(reg.ICR)
    host.write(reg.ICS, reg.RXT0)
    assert host.nic.causes.assertions == 2
