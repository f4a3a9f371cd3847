"""Every awkward case of the corpus, converted by the recipe that its expectation names.

The tree of a case is the mini kernel's headers and wrappers plus the case's file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.pipeline import Options, make_plan
from convert.plan import Plan, PlannedSite
from convert.rules.model import Kept, Refused
from convert.sites.model import SiteKind
from tests.corpus.cases import MINIKERNEL, Case, load_cases
from tests.sites.memory_tree import MemoryTree

PATH = "fs/minfs"
BODIES = (f"{PATH}/kmem.c", f"{PATH}/minfs_dquot.c")  # of what the headers declare with flags
CASES = load_cases()


@pytest.fixture(scope="session")
def base() -> dict[str, bytes]:
    """Headers everywhere, and the bodies of what they declare with wrapper flags."""
    files = {
        str(path.relative_to(MINIKERNEL)): path.read_bytes()
        for path in MINIKERNEL.rglob("*")
        if path.is_file()
    }
    return {
        path: data
        for path, data in files.items()
        if path.endswith((".h", "Makefile")) or path in BODIES
    }


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def planned(case: Case, files: dict[str, bytes], cache: Path) -> Plan:
    tree = MemoryTree({**files, case.target: case.before})
    options = Options(recipe=case.recipe, cache_dir=cache, simplify=case.simplify)
    return make_plan(tree, [PATH], options)


def result_of(plan: Plan, case: Case) -> bytes:
    text = plan.snapshot(len(plan.steps)).get(case.target, case.before.decode("latin-1"))
    assert text is not None
    return text.encode("latin-1")


def reasons(plan: Plan, file: str, kind: type[Kept] | type[Refused]) -> str:
    def words(planned_site: PlannedSite) -> str:
        site, decision = planned_site.site, planned_site.decision
        return f"{site.callee} {getattr(decision, 'reason', '')}"

    sites = [words(s) for s in plan.sites if s.site.file == file and isinstance(s.decision, kind)]
    unread = [f"{r.what} {r.construct}" for r in plan.refusals if r.file == file]
    return "\n".join([*sites, *(unread if kind is Refused else [])])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, base: dict[str, bytes], cache: Path) -> None:
    plan = planned(case, base, cache)
    result = result_of(plan, case)
    refused = reasons(plan, case.target, Refused)
    assert case.accepts(result), f"{case.why}\n{result.decode('latin-1')}\n{refused}"
    for word in case.refused:
        assert word in refused, case.why
    if not case.refused and not case.or_refused:
        blocking = [
            s
            for s in plan.sites
            if s.site.file == case.target
            and isinstance(s.decision, Refused)
            and s.decision.blocks_removal
        ]
        assert not blocking, refused
    for word in case.kept:
        assert word in reasons(plan, case.target, Kept), case.why
    for path, words in case.refused_elsewhere.items():
        for word in words:
            assert word in reasons(plan, path, Refused) + reasons(plan, path, Kept)
    lines = tuple(
        s.site.line
        for s in plan.sites
        if s.site.file == case.target and s.site.kind is SiteKind.COMMENT
    )
    if case.comments:
        assert lines == case.comments
    if case.wrappers_removed is not None:
        removed = plan.snapshot(len(plan.steps)).get(f"{PATH}/kmem.h", "") is None
        assert removed is case.wrappers_removed, plan.notes


@pytest.mark.parametrize(
    "case",
    [c for c in CASES if not c.refused and c.target.startswith(PATH)],
    ids=lambda case: case.name,
)
def test_second_run_changes_nothing(case: Case, base: dict[str, bytes], cache: Path) -> None:
    """A run over the result has nothing to do for the file."""
    plan = planned(case, base, cache)
    files = dict(base)
    for path, text in plan.snapshot(len(plan.steps)).items():
        if text is None:
            files.pop(path, None)
        elif path != case.target:
            files[path] = text.encode("latin-1")
    result = result_of(plan, case)
    options = Options(cache_dir=cache, simplify=case.simplify)
    again = make_plan(MemoryTree({**files, case.target: result}), [PATH], options)
    assert result_of(again, case) == result if again.steps else True
    assert not again.steps or case.target not in {
        change.path for step in again.steps for change in step.changes
    }
