"""Reading TOML into a typed table, with one line about what is wrong."""

from __future__ import annotations

import tomllib
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from convert.errors import InputError

_Table = TypeVar("_Table", bound=BaseModel)


def parse_toml(table: type[_Table], text: str, origin: object) -> _Table:
    """The table that TOML text holds. Raises InputError naming ``origin`` and the offending key."""
    try:
        return table.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{origin}: not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{origin}: {where}: {first['msg']}") from error
