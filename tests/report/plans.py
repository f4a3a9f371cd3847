"""Plans made by hand or at random, for the tests of every report format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from convert.plan import (
    Axiom,
    Difference,
    FileChange,
    FileRefusal,
    Plan,
    PlannedSite,
    Step,
)
from convert.rules.model import Converted, Decision, Kept, Refused
from convert.semantics.model import Contract
from convert.sites.model import Site, SiteKind
from convert.source.edits import Edit, Span, column_of, line_of

FILE = "fs/toy/toy_inode.c"
GONE = "fs/toy/wrap.c"

TEXT = """\
/* toy_get() is like wrap_zalloc() */
#include "wrap.h"

struct toy *
toy_get(int n)
{
\tstruct toy *t = wrap_zalloc(sizeof(*t),
\t\t\t\t    W_NOFS);

\tif (n)
\t\tt->list = wrap_alloc(n, 0);
\treturn t;
}

void toy_put(struct toy *t)
{
\twrap_free(t->list);
\twrap_free(t);
}
"""

GONE_TEXT = "void *wrap_alloc(size_t n, int f)\n{\n\treturn 0;\n}\n"


def site_at(
    text: str,
    start: int,
    end: int,
    kind: SiteKind = SiteKind.ALLOC,
    file: str = FILE,
    function: str | None = "toy_get",
) -> Site:
    """A site over ``text[start:end]``."""
    callee = (re.findall(r"\w+", text[start:end]) or ["?"])[0]
    name = f"{file}:{function}:{kind.value}:{callee}:{start}"
    line, column = line_of(text, start), column_of(text, start)
    return Site(name, kind, file, line, column, function, callee, text[start:end], Span(start, end))


def site_of(snippet: str, kind: SiteKind = SiteKind.ALLOC, nth: int = 0) -> Site:
    """The site of the ``nth`` occurrence of a snippet of TEXT."""
    start = [found.start() for found in re.finditer(re.escape(snippet), TEXT)][nth]
    return site_at(TEXT, start, start + len(snippet), kind)


def converted(site: Site, step: str, replacement: str, **more: object) -> PlannedSite:
    """A site whose whole text is replaced."""
    decision = Converted(
        rule="wrapper-call",
        step=step,
        edits=(Edit(site.span, replacement),),
        replacement=replacement,
        reason="the same contract",
    )
    return PlannedSite(site, Contract(zeroed=True), replace(decision, **more))  # type: ignore[arg-type]


def empty_plan() -> Plan:
    """A plan without any site: a tree that is converted already."""
    return Plan(
        tree="linux",
        revision=None,
        paths=("fs/toy",),
        recipe="exact",
        profile="toy",
        prefix="toy",
        sites=(),
        refusals=(),
        steps=(),
        differences=(),
        axioms=(),
        originals={},
        functions_found=2,
        functions_parsed=2,
        files_read=1,
    )


def full_plan() -> Plan:
    """A plan with each decision, two steps, a deleted file, and all that a report can print."""
    zalloc = converted(
        site_of("wrap_zalloc(sizeof(*t),\n\t\t\t\t    W_NOFS)"),
        "zeroing",
        "kzalloc(sizeof(*t),\n\t\t\t    GFP_NOFS | __GFP_NOFAIL)",
        gfp_before=("__GFP_NOFAIL", "GFP_NOFS"),
        gfp_after=("GFP_NOFS", "__GFP_NOFAIL"),
        differences=("loop",),
        notes=("look at the size",),
        evidence=("executed: fs/toy/wrap.c:3-9",),
    )
    free = converted(site_of("wrap_free(t)", SiteKind.FREE), "removal", "kvfree(t)")
    include = converted(site_of('#include "wrap.h"\n', SiteKind.INCLUDE), "removal", "")
    definition = PlannedSite(
        site_at(GONE_TEXT, 6, 16, SiteKind.DEFINITION, GONE, "wrap_alloc"),
        Contract(),
        Converted("definition", "removal", (), "", "nobody calls it any more"),
    )
    refused = PlannedSite(
        site_of("wrap_alloc(n, 0)"),
        Contract(may_fail=False),
        Refused("wrapper-call", f"{FILE}:11: [bold]the size n is not known to be small[/bold]"),
    )
    kept = PlannedSite(
        site_of("wrap_free(t->list)", SiteKind.FREE), Contract(), Kept("free", "it is no wrapper")
    )
    comment = PlannedSite(
        site_of("/* toy_get() is like wrap_zalloc() */", SiteKind.COMMENT),
        Contract(),
        Kept("comment", "a comment is the author's to change"),
    )
    return replace(
        empty_plan(),
        revision="0123456789abcdef0123456789abcdef01234567",
        sites=(free, zalloc, refused, kept, comment, include, definition),
        refusals=(FileRefusal("fs/toy/odd.c", 7, "toy_odd", "macro statement without `;`"),),
        steps=(
            Step(1, "zeroing", "use kzalloc", (change(FILE, zalloc),)),
            Step(
                2,
                "removal",
                "remove the wrappers",
                (change(FILE, free, include), FileChange(GONE, delete=True)),
            ),
        ),
        differences=(Difference("loop", "the loop is gone", "mm/page_alloc.c"),),
        axioms=(Axiom("roll", "a roll keeps the scope", "toy.toml"),),
        originals={FILE: TEXT, GONE: GONE_TEXT},
        notes=("toy_odd() holds wrap_alloc()",),
    )


def change(path: str, *planned: PlannedSite) -> FileChange:
    """All edits of some sites, as one step's change of a file."""
    return FileChange(path, tuple(edit for one in planned for edit in _edits(one.decision)))


def _edits(decision: Decision) -> tuple[Edit, ...]:
    return decision.edits if isinstance(decision, Converted) else ()


def one_site_plan(text: str, snippet: str, decision: Decision | None = None) -> Plan:
    """A plan of one site in one file; without a decision the snippet becomes ``new()``."""
    start = text.index(snippet)
    site = site_at(text, start, start + len(snippet))
    planned = converted(site, "only", "new()")
    if decision is not None:
        planned = PlannedSite(site, Contract(), decision)
    steps = (Step(1, "only", "change it", (change(FILE, planned),)),) if decision is None else ()
    return replace(empty_plan(), sites=(planned,), steps=steps, originals={FILE: text})


_LINES = st.sampled_from(
    ["a = f(x);", "b", "", "\tg();", "}", "int foo(void)", "\x0c", "é\r", "@@"]
)
_TEXTS = st.builds(
    lambda lines, end: "\n".join(lines) + end,
    st.lists(_LINES, max_size=60),
    st.sampled_from(["", "\n"]),
)


@st.composite
def random_plans(draw: st.DrawFn) -> Plan:
    """Plans of up to three steps over up to three files, with every kind and every decision."""
    names = draw(st.lists(st.sampled_from(["a.c", "b.h", "d/c.c"]), unique=True, max_size=3))
    steps = ["one", "two", "three"][: draw(st.integers(1, 3))]
    originals = {name: draw(_TEXTS) for name in names}
    sites = [site for name in names for site in _random_sites(draw, name, originals[name], steps)]
    return replace(
        empty_plan(),
        sites=tuple(draw(st.permutations(sites))),
        steps=_steps_of(steps, sites, draw(st.sets(st.sampled_from(names))) if names else set()),
        originals=originals,
    )


def _random_sites(draw: st.DrawFn, file: str, text: str, steps: Sequence[str]) -> list[PlannedSite]:
    marks = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    sites = []
    for start, end in zip(marks[::2], marks[1::2], strict=False):
        site = site_at(text, start, end, draw(st.sampled_from(list(SiteKind))), file)
        choice = draw(st.integers(0, 3))
        if choice == 0:
            sites.append(PlannedSite(site, Contract(), Kept("rule", "it may stay")))
        elif choice == 1:
            sites.append(PlannedSite(site, Contract(), Refused("rule", "it is not known")))
        else:
            new = draw(st.sampled_from(["", "x", "y\nz", "\n", "\n\n{\n"]))
            sites.append(converted(site, draw(st.sampled_from(list(steps))), new))
    return sites


def _steps_of(ids: Sequence[str], sites: list[PlannedSite], gone: set[str]) -> tuple[Step, ...]:
    """The steps; the last one also deletes some files."""
    steps = []
    for number, name in enumerate(ids, 1):
        files: dict[str, list[PlannedSite]] = {}
        for planned in sites:
            if isinstance(planned.decision, Converted) and planned.decision.step == name:
                files.setdefault(planned.site.file, []).append(planned)
        changes = [change(path, *some) for path, some in sorted(files.items())]
        if number == len(ids):
            changes = [one for one in changes if one.path not in gone]
            changes += [FileChange(path, delete=True) for path in sorted(gone)]
        steps.append(Step(number, name, f"do {name}", tuple(changes)))
    return tuple(steps)
