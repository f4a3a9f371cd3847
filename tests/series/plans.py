"""Small plans made from files and replacements, without the stages before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from convert.plan import Difference, FileChange, Plan, PlannedSite, Step
from convert.rules.model import Converted, Decision
from convert.semantics.model import Contract
from convert.series.model import Generator
from convert.sites.model import Site, SiteKind
from convert.source.edits import Edit, Span, line_of

GENERATOR = Generator("kmem-convert", "0.1.0", "kmem-convert series linux fs/toy -o out")

# The steps of the recipe "exact" in order, each with a subject.
STEPS = {
    "zalloc": "convert kmem_zalloc() to kzalloc()",
    "alloc": "convert kmem_alloc() to kmalloc()",
    "move-helpers": "move kmem_to_page() to toy_linux.h",
    "free": "convert kmem_free() to kvfree()",
    "remove": "remove the kmem wrappers",
}

NOWARN = Difference("nowarn", "__GFP_NOWARN is dropped.", "fs/toy/kmem.h:19")
RETRY = Difference("retry", "The retry loop becomes __GFP_NOFAIL.", "fs/toy/kmem.c:15")


@dataclass(frozen=True)
class Change:
    """One step in short: replacements (path, old text, new text), and paths to delete."""

    replace: Sequence[tuple[str, str, str]] = ()
    delete: Sequence[str] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


def make_plan(
    files: Mapping[str, bytes],
    changes: Sequence[Change],
    *,
    revision: str | None = None,
    sites: Sequence[PlannedSite] = (),
    paths: Sequence[str] = ("fs",),
) -> Plan:
    """A plan of the recipe "exact" whose steps make the changes, in the order of `STEPS`.

    Every old text has to stand in its file exactly once; "" means the end of the file.
    """
    originals: dict[str, str] = {}
    steps = []
    for number, ((name, subject), change) in enumerate(
        zip(STEPS.items(), changes, strict=False), 1
    ):
        edits: dict[str, list[Edit]] = {}
        for path, old, new in change.replace:
            text = files.get(path, b"").decode("latin-1")
            originals[path] = text
            assert not old or text.count(old) == 1, (path, old)
            start = text.index(old) if old else len(text)
            edits.setdefault(path, []).append(Edit(Span(start, start + len(old)), new))
        for path in change.delete:
            originals[path] = files[path].decode("latin-1")
        parts = [FileChange(path, tuple(made)) for path, made in edits.items()]
        parts += [FileChange(path, delete=True) for path in change.delete]
        steps.append(Step(number, name, subject, tuple(parts), change.facts))
    return Plan(
        tree="linux",
        revision=revision,
        paths=tuple(paths),
        recipe="exact",
        profile="toy",
        prefix="toy",
        sites=tuple(sites),
        refusals=(),
        steps=tuple(steps),
        differences=(NOWARN, RETRY),
        axioms=(),
        originals=originals,
        functions_found=12,
        functions_parsed=11,
        files_read=3,
    )


def make_site(
    decision: Decision,
    callee: str = "kmem_alloc",
    kind: SiteKind = SiteKind.ALLOC,
    text: str = "p = kmem_alloc(n, 0);\n",
    file: str = "fs/toy/a.c",
    line: int = 1,
) -> PlannedSite:
    """A site at the first place of the callee in a text, decided."""
    start = text.find(callee)
    site = Site(
        id=f"{file}:{line}:{callee}",
        kind=kind,
        file=file,
        line=line if line > 1 else line_of(text, max(start, 0)),
        column=1,
        function=None,
        callee=callee,
        text=text if kind is SiteKind.COMMENT else text[start:],
        span=Span(start, start + len(callee)),
    )
    return PlannedSite(site, Contract(), decision)


def converted(step: str, *differences: str, notes: Sequence[str] = ()) -> Converted:
    """A conversion in a step, with the differences that it makes."""
    return Converted("rule", step, (), "", "shown equal", (), (), differences, tuple(notes))


# A toy filesystem: three calls, the wrappers, and files that nothing touches.
TOY = {
    "Makefile": b"obj-y += fs/\n",
    "fs/toy/a.c": b"void f(void)\n{\n\tp = kmem_zalloc(n, 0);\n\tq = kmem_alloc(n, KM_NOFS);\n"
    b"\tkmem_free(p);\n}\n",
    "fs/toy/b.c": b"void g(void)\n{\n\tkmem_free(q);\n}\n",
    "fs/toy/kmem.c": b"/* wrappers */\n",
    "fs/toy/kmem.h": b"#define KM_NOFS 1\n",
    "fs/toy/run.sh": b"#!/bin/sh\n",
}
TOY_CHANGES = (
    Change([("fs/toy/a.c", "kmem_zalloc(n, 0)", "kzalloc(n, GFP_KERNEL | __GFP_NOFAIL)")]),
    Change([("fs/toy/a.c", "kmem_alloc(n, KM_NOFS)", "kmalloc(n, GFP_NOFS | __GFP_NOFAIL)")]),
    Change([("Makefile", "", "# moved\n")], facts={"helpers": ("kmem_to_page",)}),
    Change([("fs/toy/a.c", "kmem_free", "kvfree"), ("fs/toy/b.c", "kmem_free", "kvfree")]),
    Change(delete=["fs/toy/kmem.c", "fs/toy/kmem.h"]),
)


def toy_plan(revision: str | None = None) -> Plan:
    """The plan of the toy filesystem, all five steps."""
    return make_plan(TOY, TOY_CHANGES, revision=revision)
