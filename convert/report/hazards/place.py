"""The hazards of one line, for `explain`."""

from __future__ import annotations

from collections.abc import Iterator

from convert.flow.hazards.model import SiteHazards
from convert.report.hazards.check import key_of
from convert.report.hazards.view import HazardsView
from convert.report.hazards.words import indented, scope_lines, site_lines, unplaced_reason


def place_lines(view: HazardsView, path: str, line: int) -> Iterator[str]:
    """The answer to each allocation in a line, and the scopes that would be placed for it."""
    found = view.at(path, line)
    if not found:
        yield f"hazards: no allocation is known in {path}:{line}"
    for told in found:
        yield "hazards:"
        yield from indented(site_lines(told))
        yield from indented(_scopes(view, told))


def _scopes(view: HazardsView, told: SiteHazards) -> Iterator[str]:
    key = key_of(told)
    for placed in view.scopes:
        if key in map(key_of, placed.scope.sites):
            yield "a scope that would be placed for it:"
            yield from indented(scope_lines(placed))
    for left in view.placement.unplaced:
        if key == key_of(left.site):
            yield f"no scope is placed for it: {unplaced_reason(left)}"
