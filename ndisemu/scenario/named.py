"""Values that may be a name or a map: drivers and protocols by their names or classes, and cost tables.

Source of the names: `drivers.catalogue`.
"""

from dataclasses import asdict
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ndisemu.drivers.catalogue import MINIPORTS, STATIONS
from ndisemu.kernel import MEASURED
from ndisemu.scenario import fields
from ndisemu.scenario.bounds import OneOf


class Part(BaseModel):
    """A map of the language: it has these keys and no others, and no value is converted behind one's back."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True)


class Miniport(Part):
    """The driver of a NIC."""

    path: fields.ClassPath = Field(alias="class")
    """The driver's class as package.module:Class; in a loaded scenario also the name of a driver that comes with it."""


_NAMED: Final = OneOf(MINIPORTS, "{class: package.module:Class}")


def _miniport(value: object) -> object:
    return value if isinstance(value, dict | Miniport) else Miniport.model_construct(path=str(_NAMED.check(value)))


NamedMiniport: TypeAlias = Annotated[
    Miniport,
    BeforeValidator(_miniport),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": [*MINIPORTS]}, Miniport.model_json_schema()]}),
]
"""A driver by the name of one that comes with ndisemu, or by its class."""


class Protocol(Part):
    """The protocol that carries a NIC's traffic."""

    path: fields.ClassPath = Field(alias="class")
    """A class derived from Station or Station6, as package.module:Class; in a loaded scenario also `v5` or `v6`."""


_GENERATION: Final = OneOf(STATIONS, "{class: package.module:Class}")


def _protocol(value: object) -> object:
    if isinstance(value, dict | Protocol) or value is None:
        return value
    return Protocol.model_construct(path=str(_GENERATION.check(value)))


NamedProtocol: TypeAlias = Annotated[
    Protocol,
    BeforeValidator(_protocol),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": [*STATIONS]}, Protocol.model_json_schema()]}),
]
"""A protocol by its generation, or by its class."""


class CostTable(Part):
    """What work costs a processor in modelled time, kind by kind."""

    isr: fields.Duration = 0
    """Each interrupt service."""
    dpc: fields.Duration = 0
    """Each DPC, those of timers and of resumed coroutines included."""
    send_call: fields.Duration = 0
    """Each call of the miniport's send entry."""
    send_frame: fields.Duration = 0
    """Each frame that the send entry is given."""
    complete_frame: fields.Duration = 0
    """Each frame whose send the miniport completes."""
    receive_frame: fields.Duration = 0
    """Each frame that the miniport indicates."""
    protocol_frame: fields.Duration = 0
    """Each frame, spent by its protocol before it sends it, outside of every lock."""
    lock: fields.Duration = 0
    """Each time that a lock is taken and given back."""


_TABLE: Final = OneOf(("measured",), "a map such as {isr: 4us, send_frame: 160ns}")


def _costs(value: object) -> object:
    if isinstance(value, dict | CostTable) or value is None:
        return value
    _TABLE.check(value)
    return CostTable.model_construct(**asdict(MEASURED))


Costs: TypeAlias = Annotated[
    CostTable,
    BeforeValidator(_costs),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": ["measured"]}, CostTable.model_json_schema()]}),
]
"""A cost table, or `measured`: that of a PC of the years of NDIS 5.1."""
