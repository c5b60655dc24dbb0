"""How a message is written into an entry of a stream, and what becomes of an entry that nobody can read.

An entry has two fields: `v`, the schema version, and `data`, the message as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

from pydantic import BaseModel, ValidationError
from redis.typing import EncodableT, FieldT

from verifier.errors import ProofmillError

__all__ = ["SCHEMA_VERSION", "DeadEntry", "Fields", "UnknownMessage", "WireFields", "decode", "encode"]

SCHEMA_VERSION = 3

Fields = Mapping[bytes, bytes]
"""The fields of an entry as they are read."""
WireFields = dict[FieldT, EncodableT]
"""The fields of an entry as they are written."""

M = TypeVar("M", bound=BaseModel)


class UnknownMessage(ProofmillError):
    """An entry of a stream that this version cannot read."""


@dataclass(frozen=True)
class DeadEntry:
    """An entry that `group` could not read or get done: where it stood, why, and its fields as they were."""

    id: str
    """Empty for a message that its reader refused."""
    group: str
    reason: str
    fields: Fields

    def to_fields(self) -> WireFields:
        """The original fields, so that the entry can be published again, with the rest beside them."""
        about: WireFields = {"dead.id": self.id, "dead.group": self.group, "dead.reason": self.reason}
        return about | dict(self.fields)

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        """The inverse of `to_fields`."""
        about = {name: fields[name].decode() for name in (b"dead.id", b"dead.group", b"dead.reason")}
        original = {name: value for name, value in fields.items() if name not in about}
        return cls(about[b"dead.id"], about[b"dead.group"], about[b"dead.reason"], original)


def encode(message: BaseModel) -> WireFields:
    """The fields of an entry that holds `message`."""
    return {"v": str(SCHEMA_VERSION), "data": message.model_dump_json()}


def decode(fields: Fields, model: type[M]) -> M:
    """The message in an entry.

    Raises:
        UnknownMessage: it has another schema version, or its data is no `model`.
    """
    version = fields.get(b"v", b"").decode(errors="replace")
    if version != str(SCHEMA_VERSION):
        raise UnknownMessage(
            f"schema version {version!r}, but this process reads {SCHEMA_VERSION}: "
            "run the same version of proofmill in all processes"
        )
    try:
        return model.model_validate_json(fields.get(b"data", b""))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "data"
        raise UnknownMessage(
            f"not a {model.__name__}: {where}: {first['msg']} ({error.error_count()} errors in all): "
            "find the process that wrote it, and publish it again once it is right"
        ) from error
