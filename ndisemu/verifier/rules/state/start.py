"""What a miniport says and does while it starts."""

from typing import Final

from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, V5, Model, Refused, Rule, before


class StAttributesFirst(Refused):
    """An adapter's attributes are set before anything is claimed for it."""

    id = "st-attributes-first"
    models = EVERY
    source = "seed 003; DDK: NdisMSetAttributesEx, NdisMSetMiniportAttributes"
    why = "By the attributes NDIS knows what the adapter is: serialized or not, a bus master or not."


class StAttributesOrder(Refused):
    """Registration attributes come first, general attributes after them, the interrupt last."""

    id = "st-attributes-order"
    models = Model.NDIS6
    source = "NDIS reference 1.4; DDK: NdisMSetMiniportAttributes"
    why = "Each step needs what the one before has told."


class StAttributesComplete(Refused):
    """Whoever starts successfully has set its general attributes."""

    id = "st-attributes-complete"
    models = Model.NDIS6
    source = "DDK: NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES"
    why = "NDIS answers protocols from them, in the miniport's place."


class StDeserializeFlag(Refused):
    """A miniport with a WDM lower edge is deserialized."""

    id = "st-deserialize-flag"
    models = V5
    source = "seed 003"
    why = "It waits for the driver below at a level at which NDIS's lock would be held."


class StInitStatus(Refused):
    """MiniportInitialize(Ex) ends with NDIS_STATUS_SUCCESS; with anything else the adapter does not start."""

    id = "st-init-status"
    models = EVERY
    source = "DDK: MiniportInitializeEx"
    why = "A failure is told here because nobody else would say why there is no adapter."


class StMapIoInitOnly(Rule):
    """Registers are mapped while the adapter initializes."""

    id = "st-mapio-init-only"
    models = ANY
    source = "DDK: NdisMMapIoSpace"
    why = "The translated resources are valid in MiniportInitialize only."

    @before("NdisMMapIoSpace")
    def mapping(self, call: Call) -> None:
        """Look at the state."""
        if not self.watch.initializing:
            state = self.watch.adapter.state.current.value
            self.broken(f"{call.name} was called in state {state}; map the registers in MiniportInitialize")


RULES: Final[tuple[type[Rule], ...]] = (
    StAttributesFirst,
    StAttributesOrder,
    StAttributesComplete,
    StDeserializeFlag,
    StInitStatus,
    StMapIoInitOnly,
)
