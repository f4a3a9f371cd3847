"""The decision about one site: a closed union, each member with its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from convert.flow.provenance.verdict import Verdict
from convert.source.edits import Edit


@dataclass(frozen=True)
class Converted:
    """The site changes: ``edits`` (to the site's own file) in the step named ``step``.

    gfp_before, gfp_after: flag names, sorted, ``()`` where no mask is involved.
    differences: ids of the declared differences (profile) that this conversion makes.
    notes: what a reviewer should look at, a sentence each.
    evidence: what the contract rests on, such as the lines of the wrapper that were executed.
    provenance: of a free, the memory that can reach it.
    site_class: of a mask, why it may change (`convert.flow.hazards.model.SiteClass`). rests_on: the
    calls whose proofs say so, as path and offset in the tree as given.
    """

    rule: str
    step: str
    edits: tuple[Edit, ...]
    replacement: str
    reason: str
    gfp_before: tuple[str, ...] = ()
    gfp_after: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    provenance: Verdict | None = None
    site_class: str | None = None
    rests_on: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Kept:
    """The site stays as it is, rightly; ``reason`` says why."""

    rule: str
    reason: str


@dataclass(frozen=True)
class Refused:
    """The site should change, but that could not be shown to be right.

    ``reason`` names the file, the line and the fact that is missing. ``blocks_removal``: the site
    still needs what the last step would delete, so that step is not taken.
    """

    rule: str
    reason: str
    blocks_removal: bool = True


Decision = Converted | Kept | Refused
