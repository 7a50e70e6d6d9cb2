"""The rules of interrupts and of hang checks, where their pairs do not show it: whom they name, and what they say."""

from functools import partial
from typing import Any

import pytest

from ndisemu.drivers.faulty.interrupt import NeverAcknowledges, StaysMaskedAfterTheLink
from ndisemu.drivers.faulty.oid import NeverCompletes
from ndisemu.drivers.faulty.state import TakesSilenceForAHang
from ndisemu.drivers.protocols import Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.kernel import Finding, run
from ndisemu.machine import Emulation
from ndisemu.ndis import Oid, OidRequest
from tests.verifier.exercises import CHECKED, found_in


class Disowns(RingMiniport):
    """It takes its card's causes, asks for no DPC, and says that they were another's."""

    def isr(self) -> tuple[bool, bool]:
        super().isr()
        return False, False


class Disowns6(Ring6Miniport):
    """It asks for its DPC, and says that the interrupt was another's."""

    def interrupt(self) -> tuple[bool, bool, int]:
        _, queue, targets = super().interrupt()
        return False, queue, targets


@pytest.mark.parametrize(("driver", "taken"), [(Disowns, "MiniportISR"), (Disowns6, "MiniportInterrupt")])
def test_who_takes_its_own_causes_and_disowns_them_is_told_once(driver: type[Any], taken: str) -> None:
    """At its ISR, and not where the code is that it has interrupted."""
    found = [finding for finding in found_in(driver, "shutdown") if finding.rule != "st-hang-reset"]
    assert [finding.rule for finding in found] == ["int-isr-claim"]
    assert f"{taken} of a.eth0 has taken or masked the causes" in found[0].text
    assert f"{driver.__name__}.{'isr' if taken == 'MiniportISR' else 'interrupt'}" in found[0].stack[0]


class ClaimsAll(RingMiniport):
    """It claims whatever there is on its line."""

    def isr(self) -> tuple[bool, bool]:
        _, queue = super().isr()
        return True, queue


def shared(driver: type[Any]) -> list[Finding]:
    """Start a driver and a reference driver behind it on one line, whose cards raise LSC."""

    async def starts() -> list[Finding]:
        async with Emulation(seed=1, warn=False, verify=CHECKED) as emulation:
            host = emulation.host("a")
            first = host.nic("eth0", driver)
            second = host.nic("eth1", RingMiniport, shares_line_with="eth0")
            emulation.connect(first, second)
            for slot in (first, second):
                await slot.adapter.initialize()
            await emulation.idle()
        return emulation.findings

    return run(starts())


def test_who_claims_what_another_card_has_raised_is_to_blame_for_the_storm() -> None:
    """And not the driver whose routine is not called."""
    found = shared(ClaimsAll)
    assert {(finding.rule, finding.actor) for finding in found} == {("int-isr-claim", "a.eth0")}
    assert [f"{__name__}:ClaimsAll" == finding.driver for finding in found] == [True, True]


def test_who_does_not_acknowledge_is_named_with_its_isr() -> None:
    """The card says who it is."""
    found = shared(NeverAcknowledges)
    assert [(finding.rule, finding.actor, finding.driver.split(":")[1]) for finding in found] == [
        ("int-isr-ack", "a.eth0", "NeverAcknowledges")
    ]
    assert found[0].stack[0].endswith("in NeverAcknowledges.isr")


def test_a_line_may_be_shared() -> None:
    """By drivers that claim what is theirs."""
    assert shared(RingMiniport) == []


def test_a_card_that_stays_masked_is_told_with_what_it_has_for_its_driver() -> None:
    """Once, however often hang checks begin anew, and without a word of refilling."""
    found = found_in(StaysMaskedAfterTheLink, "life")
    assert [finding.rule for finding in found] == ["int-dpc-reenable", "st-hang-reset"]
    assert "with its mask 0, and 16 frames lie unread in its ring" in found[0].text


def test_how_often_hang_checks_have_reset_is_told_once() -> None:
    """With why."""
    (found,) = found_in(TakesSilenceForAHang, "life")
    assert "times, first at 2.000 s, as MiniportCheckForHang returned TRUE" in found.text


def test_a_request_that_outlives_the_reset_for_it_is_never_completed_and_ends_the_run() -> None:
    """Resets for ever bring nothing."""

    async def asks() -> list[Finding]:
        async with Emulation(seed=1, warn=False, verify=CHECKED) as emulation:
            host = emulation.host("a")
            host.nic("eth0", NeverCompletes)
            binding = await host.bind_protocol("eth0", Station("asks"))
            request = OidRequest.query(Oid.GEN_XMIT_OK, 4)

            def ask() -> None:
                binding.request(request)

            emulation.kernel.submit(partial(host.cpus[0].queue_thread, ask))
            await emulation.idle()
            assert emulation.kernel.now < 20_000_000_000
        return emulation.findings

    found = run(asks())
    assert found[0].rule == "oid-never-completed"
    assert found[0].text == "the query of OID_GEN_XMIT_OK was not completed, not even after a reset for it"
