"""Masks that keep an allocation failing, read again from the final text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convert.errors import InternalCheckError
from convert.plan import PlannedSite
from convert.rules.model import Converted
from convert.semantics.scopes import ScopeTable
from convert.source.text import SourceFile


def failing_checked(
    sites: Sequence[PlannedSite], sources: Mapping[str, SourceFile], table: ScopeTable
) -> int:
    """How many masks came out as they should: as before but for the flag, and failing in the scope.

    Raises InternalCheckError for one that does not.
    """
    gfp = table.executor.gfp
    flag = gfp.bits["__GFP_RETRY_MAYFAIL"]
    for planned in sites:
        decision, site = planned.decision, planned.site
        assert isinstance(decision, Converted)
        before, after = gfp.mask(decision.gfp_before), gfp.mask(decision.gfp_after)
        inside = table.inside(after, ["nofail"])
        added = [edit for edit in decision.edits if "__GFP_RETRY_MAYFAIL" in edit.text]
        text = site.span.of(sources[site.file].text)
        wrong = after != before | flag or inside != after or len(added) != 1
        if (
            wrong
            or "__GFP_RETRY_MAYFAIL" not in decision.replacement
            or text == decision.replacement
        ):
            raise InternalCheckError(
                f"{site.file}:{site.line}: `{decision.replacement}` does not keep failing"
            )
    return len(sites)
