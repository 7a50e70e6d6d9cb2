"""The rules of status indications, where their pairs do not show it."""

import pytest

from ndisemu.drivers.faulty import PAIRS
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import LinkState, MediaConnectState, Status, StatusIndication
from tests.verifier.exercises import found_in


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("status-link-redundant", "a.eth0 indicated NDIS_STATUS_LINK_STATE as it had before, and nothing has changed"),
        ("status-lock", "NdisMIndicateStatusEx was called while holding a.eth0 waits; release before"),
    ],
)
def test_a_report_says_who_did_what_and_what_would_have_been_right(rule: str, text: str) -> None:
    """The first of a kind, by the driver that is made for it."""
    found = [finding for finding in found_in(PAIRS[rule].wrong, "life") if finding.rule == rule]
    assert text in found[0].text


class TellsAfterEachReset(Ring6Miniport):
    """It tells the link whenever its card begins anew."""

    async def reset(self) -> Status:
        status = await super().reset()
        self.tell()
        return status

    async def set_power(self, *, awake: bool) -> Status:
        status = await super().set_power(awake=awake)
        if awake:
            self.tell()
        return status

    def tell(self) -> None:
        """Say that the link is there."""
        state = LinkState(MediaConnectState.CONNECTED)
        self.ndis.indicate_status(StatusIndication(Status.LINK_STATE, state.pack()))


def test_the_link_may_be_told_again_after_a_sleep() -> None:
    """What was true before is not known to be true still."""
    assert found_in(TellsAfterEachReset, "life") == []
