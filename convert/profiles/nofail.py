"""What is known of the early readers of gfp masks, read from nofail.toml."""

from __future__ import annotations

from functools import cached_property
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from convert.profiles.reading import parse_toml

ContextTreatment = Literal["keep", "order", "never"]
ReaderTreatment = Literal["applied", "entry", "here", "attempt", "gives", "outside"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    names: tuple[str, ...] = Field(min_length=1)
    why: str = Field(min_length=1)


class ContextCaller(_Entry):
    """Functions that call ``current_gfp_context()``, and what the scope means for them."""

    treatment: ContextTreatment


class MaskReader(_Entry):
    """Functions and macros that name ``__GFP_NOFAIL``, and how they come to see the scope."""

    treatment: ReaderTreatment


class Boundary(_Entry):
    """Functions at whose entry the scope of the caller is suspended."""

    file: str = Field(min_length=1)


class Section(_Entry):
    """Functions whose own nofs scopes get nofail scopes beside them, as those of workers do."""

    source: str = Field(min_length=1)


class NofailFacts(BaseModel):
    """The tables of nofail.toml; see there for the meaning of each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    context: tuple[ContextCaller, ...]
    reader: tuple[MaskReader, ...]
    boundary: tuple[Boundary, ...]
    section: tuple[Section, ...] = ()

    @cached_property
    def contexts(self) -> dict[str, ContextTreatment]:
        """The treatment of a caller of ``current_gfp_context()``, by name."""
        return {name: entry.treatment for entry in self.context for name in entry.names}

    @cached_property
    def readers(self) -> dict[str, ReaderTreatment]:
        """The treatment of a reader of ``__GFP_NOFAIL``, by name."""
        return {name: entry.treatment for entry in self.reader for name in entry.names}

    @cached_property
    def sections(self) -> frozenset[str]:
        """The functions of all sections."""
        return frozenset(name for entry in self.section for name in entry.names)


def parse_nofail_facts(text: str, origin: str) -> NofailFacts:
    """Read the tables from TOML text; raises InputError naming ``origin`` and the key."""
    return parse_toml(NofailFacts, text, origin)


def load_nofail_facts() -> NofailFacts:
    """Read the nofail.toml that ships with the tool."""
    entry = resources.files("convert.profiles").joinpath("nofail.toml")
    return parse_nofail_facts(entry.read_text("utf-8"), "nofail.toml")
