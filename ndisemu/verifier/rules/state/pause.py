"""NDIS 6: pauses, restarts, and how their ends are told."""

from typing import Final

from ndisemu.verifier.rule import Model, Refused, Rule


class StPauseSendsDrained(Refused):
    """A pause completes when all sends are complete."""

    id = "st-pause-sends-drained"
    of_ndis = True
    models = Model.NDIS6
    source = "DDK: MiniportPause"
    why = "NDIS changes what is bound next, and the list's sender may be gone."


class StPauseReceivesReturned(Refused):
    """A pause completes when everything that was indicated has been returned."""

    id = "st-pause-receives-returned"
    of_ndis = True
    models = Model.NDIS6
    source = "DDK: MiniportPause"
    why = "The halt that may follow frees the memory that protocols still read."


class StPauseTimeout(Refused):
    """A pause or restart that pends is completed within ten seconds."""

    id = "st-pause-timeout"
    models = Model.NDIS6
    source = "DDK: MiniportPause; NDIS watchdogs"
    why = "Every change of bindings waits for it."


class StPauseStatus(Refused):
    """MiniportPause ends with NDIS_STATUS_SUCCESS, at once or after PENDING."""

    id = "st-pause-status"
    models = Model.NDIS6
    source = "DDK: MiniportPause"
    why = "A pause cannot fail: nobody has a way to go on without it."


class StPauseCompletePairing(Refused):
    """NdisMPauseComplete answers a pause that is pending, once."""

    id = "st-pause-complete-pairing"
    models = Model.NDIS6
    source = "DDK: NdisMPauseComplete"
    why = "An adapter would be taken for paused that is not."


class StRestartStatus(Refused):
    """MiniportRestart ends with a final status, at once or after PENDING."""

    id = "st-restart-status"
    models = Model.NDIS6
    source = "DDK: MiniportRestart"
    why = "NDIS goes by it: the adapter runs, or it stays paused."


class StRestartCompletePairing(Refused):
    """NdisMRestartComplete answers a restart that is pending, once."""

    id = "st-restart-complete-pairing"
    models = Model.NDIS6
    source = "DDK: NdisMRestartComplete"
    why = "Sends would reach a miniport that has not restarted."


class StRestartFailed(Refused):
    """An adapter that was paused restarts."""

    id = "st-restart-failed"
    models = Model.NDIS6
    source = "DDK: MiniportRestart"
    why = "It stays paused, and its protocols wait for a link that never comes."


RULES: Final[tuple[type[Rule], ...]] = (
    StPauseSendsDrained,
    StPauseReceivesReturned,
    StPauseTimeout,
    StPauseStatus,
    StPauseCompletePairing,
    StRestartStatus,
    StRestartCompletePairing,
    StRestartFailed,
)
