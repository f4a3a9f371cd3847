"""Comments that may explain a mask are pointed at."""

from __future__ import annotations

import pytest

from convert.rules.model import Converted
from tests.rules.scoped.test_stage import function, planned

CALL = "p = kmalloc(8, GFP_NOFS); /* proven */"
ABOVE = [
    pytest.param(f"/* lockdep would complain */\n{CALL}", 3, id="right-above"),
    pytest.param(f"/*\n * Do not recurse.\n */\n/* next */\n{CALL}", 3, id="two-comments"),
    pytest.param("p = kmalloc(8, /* no reclaim */ GFP_NOFS); /* proven */", 3, id="inside"),
]


@pytest.mark.parametrize(("body", "line"), ABOVE)
def test_a_comment_about_reclaim_is_named(body: str, line: int) -> None:
    (site,) = planned(function(body)).sites
    assert isinstance(site.decision, Converted)
    note = f"the comment from line {line} on may explain the old mask"
    assert site.decision.notes == (note,)


OTHER = [
    pytest.param(f"/* a buffer */\n{CALL}", id="about-something-else"),
    pytest.param(f"/* lockdep */\nx = 1;\n{CALL}", id="about-another-statement"),
    pytest.param(f"{CALL}\n/* lockdep */", id="behind"),
]


@pytest.mark.parametrize("body", OTHER)
def test_other_comments_are_not(body: str) -> None:
    (site,) = planned(function(body)).sites
    assert isinstance(site.decision, Converted)
    assert site.decision.notes == ()
