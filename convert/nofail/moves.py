"""What is found of nofs scopes' cookies: the places where they move, and local scopes."""

from __future__ import annotations

from dataclasses import dataclass

from convert.source.edits import Edit, Span


@dataclass(frozen=True)
class Move:
    """One place of a cookie. ``what``: the phrase for people; edit: its twin, or None.

    member: the cookie; for a local variable, with its function. refused: why there is no twin, with
    file and line; the span is the statement's or declaration's. local: of a section.
    """

    path: str
    span: Span
    function: str | None
    member: str
    what: str
    edit: Edit | None
    refused: str = ""
    local: bool = False


@dataclass(frozen=True)
class LocalScope:
    """A nofs scope whose cookie is in a local variable: no handle's."""

    path: str
    span: Span
    function: str | None
    variable: str
