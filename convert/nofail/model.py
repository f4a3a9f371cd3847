"""What the patches of the nofail API are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convert.source.edits import Edit


@dataclass(frozen=True)
class ApiPatch:
    """One patch of the API. ``id`` names its template ``templates/steps/nofail/<id>.j2``.

    prefix: of the subject. edits: by path; a new file is one insertion into an empty text.
    """

    id: str
    prefix: str
    subject: str
    edits: Mapping[str, tuple[Edit, ...]]
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class NofailApi:
    """The patches in order, and the text of each file that they change ("" for a new one)."""

    patches: tuple[ApiPatch, ...]
    originals: Mapping[str, str]
