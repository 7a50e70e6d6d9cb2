"""What bounds a value, and how one that is out of bounds is refused.

A bound is an annotation: it checks the value, describes itself to the JSON
Schema, and refuses with the end of a sentence that begins with the key, so
that a message needs no more than the two put together.

Not here: which kind of value has which bounds (see `fields`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ndisemu.scenario.words import described, either, meant


def refusal(text: str) -> PydanticCustomError:
    """Return the error of a value that breaks a rule; `text` follows the key, as in `must be …`."""
    return PydanticCustomError("refusal", "{text}", {"text": text})


def remark(text: str) -> PydanticCustomError:
    """Return the error of a value whose message stands by itself, behind the key and a colon."""
    return PydanticCustomError("remark", "{text}", {"text": text})


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a whole number, written in messages as `form` writes it."""

    low: int
    high: int
    multiple: int = 1
    form: Callable[[int], str] = str

    def check(self, value: int) -> int:
        """Return a value that is within the bounds; refuse any other."""
        if self.low <= value <= self.high and value % self.multiple == 0:
            return value
        step = f"a multiple of {self.multiple} " if self.multiple > 1 else ""
        wanted = f"{step}between {self.form(self.low)} and {self.form(self.high)}"
        raise refusal(f"must be {wanted}, not {self.form(value)}")

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written = handler(schema)
        if written.get("type") == "integer":
            written |= {"minimum": self.low, "maximum": self.high, "multipleOf": self.multiple}
        return written


@dataclass(frozen=True, slots=True)
class OneOf:
    """The words of a table, of which a value is one; `others` ends the sentence about what else would be right."""

    words: Iterable[str]
    others: str = ""

    def check(self, value: object) -> object:
        """Return a word of the table; refuse anything else."""
        if isinstance(value, str) and value in self.words:
            return value
        near = meant(value, self.words) if isinstance(value, str) else ""
        wanted = either([*self.words, self.others] if self.others else self.words)
        raise refusal(f"must be {wanted}, not {described(value)}{near}")

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"enum": list(self.words)}
