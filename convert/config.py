"""Options from a configuration file: ``.kmem-convert.toml`` in the current directory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from convert.errors import InputError
from convert.profiles.reading import parse_toml

NAME = ".kmem-convert.toml"


class Config(BaseModel):
    """What a configuration file may set; the command line wins over it.

    recipe, profile, prefix, keep_nowarn, large_sizes, placeholder_scopes, nofail_scopes,
    nofail_failing: as the options of the same name. simplify: a list of names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str | None = None
    profile: str | None = None
    prefix: str | None = None
    keep_nowarn: bool | None = None
    simplify: tuple[str, ...] = ()
    large_sizes: Literal["kvmalloc"] | None = None
    placeholder_scopes: bool | None = None
    nofail_scopes: Literal["api", "open", "convert"] | None = None
    nofail_failing: Literal["keep", "accept"] | None = None


def load_config(directory: Path) -> Config:
    """Read the configuration file of a directory; an absent file is an empty one.

    Raises InputError naming the file and the offending key.
    """
    path = directory / NAME
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    return parse_toml(Config, text, path)
