"""Reads the cases of ``corpus/cases``: one awkward file each, and what must become of it.

The format is described in ``corpus/README.md``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
CASES = CORPUS / "cases"
MINIKERNEL = CORPUS / "minikernel"


class Expectation(BaseModel):
    """The keys of a ``.expect.toml`` file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    why: str
    recipe: str
    simplify: list[str] = []
    place: str = "fs/minfs"
    compiles: bool = True
    encoding: str = "utf-8"
    newline: str = "lf"
    final_newline: bool = True
    after: str | None = None
    also: list[str] = []
    any_layout: bool = False
    refused: list[str] = []
    or_refused: bool = False
    kept: list[str] = []
    comments: list[int] = []
    wrappers_removed: bool | None = None
    refused_elsewhere: dict[str, list[str]] = {}


@dataclass(frozen=True)
class Case:
    """One case. ``target`` is the file's path in the tree, ``before`` its bytes.

    ``after`` and ``also`` are the texts of which one must come out (``before`` where the file must
    not change); ``wrappers_removed`` is None where it is not part of the case.
    """

    name: str
    recipe: str
    target: str
    before: bytes
    after: bytes
    also: tuple[bytes, ...]
    any_layout: bool
    refused: tuple[str, ...]
    or_refused: bool
    kept: tuple[str, ...]
    comments: tuple[int, ...]
    wrappers_removed: bool | None
    compiles: bool
    why: str
    refused_elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    simplify: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[bytes, ...]:
        """All texts that are right."""
        unchanged = (self.before,) if self.or_refused else ()
        return (self.after, *self.also, *unchanged)

    def accepts(self, result: bytes) -> bool:
        """Whether a text is one of those, white space left out where the layout is free."""
        if result in self.accepted:
            return True
        bare = b"".join(result.split())
        return self.any_layout and any(bare == b"".join(text.split()) for text in self.accepted)


def read_case(path: Path) -> Case:
    """The case whose source is ``path``. Raises pydantic's ValidationError for a wrong key."""
    expected = path.with_suffix(".expect.toml")
    keys = Expectation.model_validate(tomllib.loads(expected.read_text(encoding="utf-8")))
    before = path.read_bytes()
    removed = keys.wrappers_removed
    if removed is None and not keys.or_refused:
        removed = not keys.refused
    return Case(
        name=path.stem,
        recipe=keys.recipe,
        target=f"{keys.place}/{path.name}",
        before=before,
        after=before if keys.after is None else _bytes(keys, keys.after),
        also=tuple(_bytes(keys, text) for text in keys.also),
        any_layout=keys.any_layout,
        refused=tuple(keys.refused),
        or_refused=keys.or_refused,
        kept=tuple(keys.kept),
        comments=tuple(keys.comments),
        wrappers_removed=removed,
        compiles=keys.compiles,
        why=keys.why,
        refused_elsewhere={k: tuple(v) for k, v in keys.refused_elsewhere.items()},
        simplify=tuple(keys.simplify),
    )


def _bytes(keys: Expectation, text: str) -> bytes:
    if not keys.final_newline:
        text = text.removesuffix("\n")
    if keys.newline == "crlf":
        text = text.replace("\n", "\r\n")
    return text.encode(keys.encoding)


def load_cases() -> tuple[Case, ...]:
    """All cases, by name."""
    return tuple(read_case(path) for path in sorted(CASES.glob("*.c")))
