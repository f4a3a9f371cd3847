"""The choice of kfree() or kvfree(), in the plan, in its messages, and under validation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from convert.errors import InternalCheckError
from convert.flow.provenance.evidence import Missing, Reached
from convert.flow.provenance.places import Alloc, At
from convert.flow.provenance.verdict import Kind, Verdict
from convert.pipeline import Options, make_plan
from convert.plan import Plan
from convert.report.json_report import report_json, report_schema
from convert.rules.frees import DOUBTFUL, wrong_choice
from convert.rules.model import Converted
from convert.series.messages import render_series
from convert.series.model import Generator
from convert.sites.model import SiteKind
from tests.corpus.cases import MINIKERNEL
from tests.sites.memory_tree import MemoryTree

PATH = "fs/minfs"
CODE = """#include "minfs.h"

struct case_thing { void *known; void *large; void *unknown; };

static void case_make(struct case_thing *thing, size_t size)
{
	thing->known = kmem_alloc(size, KM_NOFS);
	thing->large = kvmalloc(size, GFP_KERNEL);
	thing->unknown = case_elsewhere(size);
}

static void case_drop(struct case_thing *thing)
{
	kmem_free(thing->known);
	kmem_free(thing->large);
	kmem_free(thing->unknown);
}
"""


def plan_of(code: str, cache: Path) -> Plan:
    """The plan for a file beside the wrappers of the mini kernel."""
    files: dict[str, str | bytes] = {
        str(path.relative_to(MINIKERNEL)): path.read_bytes()
        for path in MINIKERNEL.rglob("*")
        if path.is_file()
    }
    names = (f"{PATH}/kmem.c", f"{PATH}/minfs_dquot.c")
    small = {p: data for p, data in files.items() if p.endswith((".h", "Makefile")) or p in names}
    return make_plan(MemoryTree({**small, f"{PATH}/a.c": code}), [PATH], Options(cache_dir=cache))


def frees_of(plan: Plan) -> dict[str, Converted]:
    """The converted frees of the file by what was written."""
    return {
        planned.site.text: planned.decision
        for planned in plan.sites
        if planned.site.kind is SiteKind.FREE
        and planned.site.file == f"{PATH}/a.c"
        and isinstance(planned.decision, Converted)
    }


def test_each_free_gets_what_fits(tmp_path: Path) -> None:
    plan = plan_of(CODE, tmp_path)
    found = frees_of(plan)
    assert {text: (d.replacement.split("(")[0], d.step) for text, d in found.items()} == {
        "kmem_free(thing->known)": ("kfree", "kfree"),
        "kmem_free(thing->large)": ("kvfree", "kvfree"),
        "kmem_free(thing->unknown)": ("kvfree", "kvfree"),
    }
    assert found["kmem_free(thing->unknown)"].notes == (DOUBTFUL,)
    assert not found["kmem_free(thing->large)"].notes
    assert "kvmalloc() at fs/minfs/a.c:8" in found["kmem_free(thing->large)"].reason
    steps = [step.id for step in plan.steps]
    assert steps[-3:] == ["kvfree", "kfree", "remove"]


def test_messages_name_what_is_doubtful(tmp_path: Path) -> None:
    plan = plan_of(CODE, tmp_path)
    series = render_series(plan, Generator("tool", "1", "command"))
    bodies = {step.id: commit.body for step, commit in zip(plan.steps, series.commits, strict=True)}
    kvfree = " ".join(bodies["kvfree"].split())
    assert "2 sites are given memory that may come from vmalloc" in kvfree
    assert "For 1 site not all memory that can get there is known" in kvfree
    assert "tays at kvfree(): that only kmalloc memory gets here could not be shown" in kvfree
    assert "fs/minfs/a.c:16 case_drop()" in kvfree
    assert "fs/minfs/a.c:15" not in kvfree
    assert max(map(len, bodies["kvfree"].split("\n"))) <= 75
    assert "kfree() is left." in bodies["kfree"]


def test_the_json_report_has_the_evidence(tmp_path: Path) -> None:
    plan = plan_of(CODE, tmp_path)
    document = json.loads(report_json(plan, "1"))
    jsonschema.validate(document, report_schema())
    sites = {site["text"]: site["provenance"] for site in document["sites"]}
    known = sites["kmem_free(thing->known)"]
    assert (known["memory"], known["complete"], known["missing"]) == ("kmalloc", True, [])
    (allocation,) = known["allocations"]
    assert allocation["callee"] == "kmem_alloc"
    assert allocation["way"] == ["known of struct case_thing (fs/minfs/a.c:7)"]
    missing = sites["kmem_free(thing->unknown)"]["missing"]
    assert [(m["file"], m["line"]) for m in missing] == [("fs/minfs/a.c", 9)]
    assert sites["kmem_alloc(size, KM_NOFS)"] is None


KMALLOC = Reached(Alloc("a.c", "f", 3, "kmalloc", "kmalloc"), (), False)
KVMALLOC = Reached(Alloc("a.c", "f", 4, "kvmalloc", "kvmalloc"), (), False)
ALL = Verdict(Kind.KMALLOC, (KMALLOC,), (), ())
LACK = Missing("the result of g(), which was not read", At("a.c", "f", 5))


@pytest.mark.parametrize(
    ("plain", "wrapper", "verdict", "wrong"),
    [
        pytest.param("kfree", "kvfree", ALL, None, id="kmalloc-memory-alone"),
        pytest.param("kvfree", "kvfree", None, None, id="the-same-function"),
        pytest.param("kfree", "kfree", None, None, id="a-wrapper-of-kfree"),
        pytest.param("kfree", "kvfree", None, "not all memory", id="nothing-known"),
        pytest.param(
            "kfree", "kvfree", replace(ALL, missing=(LACK,)), "not all memory", id="not-complete"
        ),
        pytest.param(
            "kfree",
            "kvfree",
            replace(ALL, reached=(KMALLOC, KVMALLOC)),
            "kvmalloc() at a.c:4 gets here",
            id="vmalloc-memory",
        ),
        pytest.param(
            "kfree", "kvfree", replace(ALL, reached=()), "nothing gets here", id="no-allocation"
        ),
        pytest.param("vfree", "kvfree", ALL, "not what was executed", id="another-function"),
    ],
)
def test_validation_of_a_choice(
    plain: str, wrapper: str, verdict: Verdict | None, wrong: str | None
) -> None:
    found = wrong_choice(plain, wrapper, verdict)
    assert (found is None) if wrong is None else wrong in (found or "")


@pytest.mark.parametrize(
    "kind", [pytest.param(Kind.VMALLOC, id="vmalloc"), pytest.param(Kind.DOUBTFUL, id="doubtful")]
)
def test_a_wrong_choice_stops_the_run(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Verdict, "plain", property(lambda self: "kfree"))
    code = CODE.replace("kmem_free(thing->unknown);\n", "")
    if kind is Kind.DOUBTFUL:
        code = CODE.replace("kmem_free(thing->large);\n", "")
    with pytest.raises(InternalCheckError, match=r"kfree\(\) was chosen") as caught:
        plan_of(code, tmp_path)
    assert caught.value.exit_code == 3
