"""The recipe proven on the mini kernel: masks that the exact conversion wrote are dropped, too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

import convert.hazarding
from convert.choices import HAZARDOUS, PROVEN
from convert.errors import InputError
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.results import ProvenSite, ScopeProofs, SiteUse, Statistics
from convert.pipeline import Options, make_plan
from convert.plan import Plan
from convert.rules.model import Converted, Kept, Refused
from convert.sites.model import SiteKind
from convert.tree.kernel import KernelTree
from convert.tree.overlay import OverlayTree
from tests.rules.scoped.fakes import base, evidence

UNDER = "fs/minfs"
_CALL = re.compile(r"\b(\w*alloc\w*|INIT_RADIX_TREE)\s*\(")
_MASK = re.compile(r"\b(?:KM|GFP)_NOFS\b|\bkmflag_mask\b")


def all_proven(
    tree: KernelTree, paths: Sequence[str], *, but: str = "", **_: object
) -> ScopeProofs:
    """A proof for every call that is given a NOFS mask; ``but``: the file whose calls are mixed."""
    sites = []
    for path in (path for under in paths for path in tree.files(under)):
        text = tree.read(path).decode("latin-1")
        for found in _CALL.finditer(text) if path.endswith((".c", ".h")) else ():
            end = text.find(";", found.start())
            if not _MASK.search(text[found.start() : end]):
                continue
            line = text.count("\n", 0, found.start()) + 1
            verdict = Verdict.MIXED if path == but else Verdict.PROVEN
            use = SiteUse.STORES if found[1] == "INIT_RADIX_TREE" else SiteUse.ALLOCATES
            told = evidence(verdict, path, line)
            sites.append(ProvenSite(path, found.start(1), line, "f", found[1], (), use, True, told))
    return ScopeProofs("nofs", tuple(sites), (), (), (), Statistics(1, 1, 1, 0, 0), (), ())


@pytest.fixture(scope="module")
def plan() -> Plan:
    return made(base())


def made(tree: KernelTree, but: str = "") -> Plan:
    def fake(tree: KernelTree, paths: Sequence[str], **more: object) -> ScopeProofs:
        return all_proven(tree, paths, but=but)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert.hazarding, "prove_scopes", fake)
        return make_plan(tree, (UNDER,), Options(recipe="proven"))


def final(plan: Plan, path: str) -> str:
    text = plan.snapshot(len(plan.steps)).get(path)
    assert text is not None
    return text


def masks(plan: Plan, path: str, line: int) -> list[object]:
    return [
        planned.decision
        for planned in plan.sites
        if planned.site.kind is SiteKind.MASK
        and (planned.site.file, planned.site.line) == (path, line)
    ]


def test_the_masks_are_dropped_in_one_last_step(plan: Plan) -> None:
    assert [step.id for step in plan.steps][-1] == "proven/in-scope"
    assert [step.number for step in plan.steps] == list(range(1, len(plan.steps) + 1))
    assert "remove" in [step.id for step in plan.steps]


def test_what_the_conversion_wrote_is_changed_at_the_old_place(plan: Plan) -> None:
    path = "fs/minfs/minfs_log_cil.c"
    line = (
        base().read(path).decode().split("\n").index("\tctx = kmem_zalloc(sizeof(*ctx), KM_NOFS);")
    )
    (decision,) = masks(plan, path, line + 1)
    assert isinstance(decision, Converted)
    assert decision.replacement == "kzalloc(sizeof(*ctx), GFP_KERNEL | __GFP_NOFAIL)"
    assert "ctx = kzalloc(sizeof(*ctx), GFP_KERNEL | __GFP_NOFAIL);" in final(plan, path)


def test_a_choice_that_the_conversion_wrote_collapses(plan: Plan) -> None:
    text = final(plan, "fs/minfs/libminfs/minfs_dir2.c")
    assert "kzalloc(sizeof(struct minfs_da_args),\n\t\tGFP_KERNEL | __GFP_NOFAIL)" in text


def test_a_variable_of_the_wrappers_flags_is_followed(plan: Plan) -> None:
    text = final(plan, "fs/minfs/minfs_buf.c")
    assert "gfp_mask = GFP_KERNEL | __GFP_NOFAIL;" in text
    assert "gfp_mask |= GFP_NOFS;" in text  # another one, used where nothing is proven


def test_stored_masks_stay(plan: Plan) -> None:
    text = final(plan, "fs/minfs/minfs_dquot.c")
    assert "INIT_RADIX_TREE(&qi->qi_tree, GFP_NOFS)" in text
    kept = [p for p in plan.sites if p.site.kind is SiteKind.MASK and isinstance(p.decision, Kept)]
    assert len(kept) >= 2


def test_macros_and_parameters_are_refused(plan: Plan) -> None:
    refused = [
        p for p in plan.sites if p.site.kind is SiteKind.MASK and isinstance(p.decision, Refused)
    ]
    assert {p.site.file for p in refused} >= {"fs/minfs/minfs_trans.h", "fs/minfs/scrub/scrub.h"}


def test_every_name_in_the_final_text_has_a_site(plan: Plan) -> None:
    after = plan.snapshot(len(plan.steps))
    for path in base().files(UNDER):
        text = after.get(path, base().read(path).decode("latin-1"))
        code = re.sub(r"/\*.*?\*/", "", text or "", flags=re.DOTALL)
        sites = [
            p
            for p in plan.sites
            if p.site.kind is SiteKind.MASK
            and p.site.file == path
            and not isinstance(p.decision, Converted)
        ]
        assert len(re.findall(r"\bGFP_NOFS\b", code)) == len(sites), path


def test_mixed_files_stay_and_the_wrappers_go_all_the_same() -> None:
    path = "fs/minfs/minfs_log_cil.c"
    plan = made(base(), but=path)
    assert "GFP_NOFS | __GFP_NOFAIL" in final(plan, path)
    assert "remove" in [step.id for step in plan.steps]


def test_the_second_run_finds_nothing(plan: Plan) -> None:
    data = {
        path: None if text is None else text.encode("latin-1")
        for path, text in plan.snapshot(len(plan.steps)).items()
    }
    again = made(OverlayTree(base(), data))
    assert again.steps == ()


def test_calls_that_cannot_be_followed_are_refused(plan: Plan) -> None:
    """A proof about another place is no proof: the offsets of the tree as given decide."""

    def shifted(tree: KernelTree, paths: Sequence[str], **_: object) -> ScopeProofs:
        found = all_proven(tree, paths)
        return replace(found, sites=tuple(replace(s, offset=s.offset + 1) for s in found.sites))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert.hazarding, "prove_scopes", shifted)
        other = make_plan(base(), (UNDER,), Options(recipe="proven"))
    assert "proven/in-scope" not in [step.id for step in other.steps]


def test_reasons_name_lines_of_the_tree_as_given() -> None:
    """The conversion breaks a line in front: whoever reads a reason looks at the old file."""
    path = "fs/minfs/libminfs/minfs_dir2.c"
    lines = base().read(path).decode().split("\n")
    refused = [
        planned
        for planned in made(base(), but=path).sites
        if planned.site.file == path and isinstance(planned.decision, Refused)
    ]
    assert len(refused) == 3
    for planned in refused:
        assert isinstance(planned.decision, Refused)
        place = re.match(rf"{path}:(\d+): ", planned.decision.reason)
        assert place is not None
        assert "kmem_zalloc(" in lines[int(place[1]) - 1]


@pytest.mark.parametrize("recipe", [PROVEN, *HAZARDOUS])
def test_a_tree_without_scopes_is_refused(recipe: str) -> None:
    bare = OverlayTree(base(), {"include/linux/sched/mm.h": b""})
    with pytest.raises(InputError, match=r"no memalloc_nofs_save\(\); use the recipe exact"):
        make_plan(bare, (UNDER,), Options(recipe=recipe))
