"""Scope proofs in reviews: a proven site is no error, an unproven one names its path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import convert.verify.review.proofs
from convert.flow.graph.build import build_graph
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.results import ProvenSite, ScopeProofs, SiteUse, Statistics
from convert.tree.kernel import KernelTree
from convert.verify.review.model import Review
from convert.verify.review.proofs import LastGraph, ProofsOfTrees, subsystem
from convert.verify.review.series import review_series
from tests.rules.scoped.fakes import evidence
from tests.verify.review.patches import TOY, diff_of, mail_of, told, with_files
from tests.verify.review.toys import body

BEFORE = body("\tmp->buffer = kmalloc(8, GFP_NOFS | __GFP_NOFAIL);\n\treturn 0;")
AFTER = body("\tmp->buffer = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);\n\treturn 0;")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[str]:
    """Proofs of one verdict for every kmalloc(); what they were asked for."""
    verdicts: tuple[Verdict, ...] = request.param
    calls: list[str] = []

    def fake(tree: KernelTree, paths: Sequence[str], **_: object) -> ScopeProofs:
        calls.append(" ".join(paths))
        text = tree.read(TOY).decode("latin-1")
        found = re.search(r"kmalloc", text)
        assert found is not None
        line = text.count("\n", 0, found.start()) + 1
        sites = [
            ProvenSite(
                TOY, found.start(), line, "f", "kmalloc", (), SiteUse.ALLOCATES, False, told_by
            )
            for told_by in (evidence(verdict, TOY, line) for verdict in verdicts)
        ]
        return ScopeProofs("nofs", tuple(sites), (), (), (), Statistics(1, 1, 1, 0, 0), (), ())

    monkeypatch.setattr(convert.verify.review.proofs, "prove_scopes", fake)
    return calls


def reviewed(tmp_path: Path, after: dict[str, str | None] | None = None) -> Review:
    mail = tmp_path / "0001-change.patch"
    mail.write_bytes(mail_of(diff_of(BEFORE, after or AFTER)).encode("latin-1"))
    return review_series(
        str(mail), with_files(BEFORE), cache_dir=tmp_path / "cache", proof=ProofsOfTrees()
    )


@pytest.mark.parametrize("asked", [(Verdict.PROVEN,)], ids=["proven"], indirect=True)
def test_a_proven_site_is_no_error(tmp_path: Path, asked: list[str]) -> None:
    review = reviewed(tmp_path)
    assert told(review) == []
    assert any("open on every path: toy_trans_begin()" in f.message for f in review.findings)
    assert asked == ["fs/toyfs"]


SCHED = "include/linux/sched.h"
SCHED_MM = "include/linux/sched/mm.h"
NOFAIL = """
static inline unsigned int memalloc_nofail_save(void)
{
	unsigned int before = current->flags & PF_MEMALLOC_NOFAIL;

	current->flags |= PF_MEMALLOC_NOFAIL;
	return before;
}

static inline void memalloc_nofail_restore(unsigned int before)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOFAIL) | before;
}
"""


def with_nofail(statement: str) -> dict[str, str | None]:
    """The toy with an allocation, in a kernel that has a nofail scope."""
    tree = with_files({})
    sched = tree.read(SCHED).decode()
    scopes = tree.read(SCHED_MM).decode()
    adds = (
        "\tif ((scopes & PF_MEMALLOC_NOFAIL) && (mask & __GFP_DIRECT_RECLAIM) &&\n"
        "\t    !(mask & (__GFP_NORETRY | __GFP_RETRY_MAYFAIL)))\n"
        "\t\tmask |= __GFP_NOFAIL;\n\treturn mask;\n}\n"
    )
    assert scopes.count("\treturn mask;\n}\n") == 1
    return {
        **body(f"\t{statement}\n\treturn 0;"),
        SCHED: sched.replace(
            "#define PF_KTHREAD", "#define PF_MEMALLOC_NOFAIL 0x100000\n#define PF_KTHREAD"
        ),
        SCHED_MM: scopes.replace("\treturn mask;\n}\n", adds + NOFAIL),
    }


def without_nofail(tmp_path: Path, before: str, after: str) -> Review:
    mail = tmp_path / "0001-change.patch"
    files = with_nofail(before)
    mail.write_bytes(mail_of(diff_of(files, with_nofail(after))).encode("latin-1"))
    return review_series(
        str(mail), with_files(files), cache_dir=tmp_path / "cache", proof=ProofsOfTrees()
    )


NEVER_FAILS = "mp->buffer = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);"


@pytest.mark.parametrize("asked", [(Verdict.PROVEN,)], ids=["proven"], indirect=True)
def test_an_annotation_that_a_nofail_scope_makes_redundant(
    tmp_path: Path, asked: list[str]
) -> None:
    review = without_nofail(tmp_path, NEVER_FAILS, "mp->buffer = kmalloc(8, GFP_KERNEL);")
    assert told(review) == []
    assert any("a nofail scope is open on every path" in f.message for f in review.findings)
    assert asked == ["fs/toyfs"]


@pytest.mark.parametrize(
    ("asked", "after", "part"),
    [
        pytest.param(
            (Verdict.MIXED,), "kmalloc(8, GFP_KERNEL)", "toy_scan@95 > f@", id="on-some-paths"
        ),
        pytest.param((), "kmalloc(8, GFP_KERNEL)", "may fail where it could not", id="not-known"),
        pytest.param(
            (Verdict.PROVEN,),
            "kmalloc(8, GFP_KERNEL | __GFP_NORETRY)",
            "does not cover its mask",
            id="opts-out",
        ),
        pytest.param(
            (Verdict.PROVEN,),
            "kmalloc(mp->blocksize, GFP_KERNEL)",
            "may not cover its size",
            id="size",
        ),
    ],
    indirect=["asked"],
)
def test_an_annotation_that_is_needed(
    tmp_path: Path, asked: list[str], after: str, part: str
) -> None:
    size = "mp->blocksize" if "blocksize" in after else "8"
    before = f"mp->buffer = kmalloc({size}, GFP_KERNEL | __GFP_NOFAIL);"
    review = without_nofail(tmp_path, before, f"mp->buffer = {after};")
    assert [rule for rule, _ in told(review)] == ["never-fail-lost"]
    assert part in " ".join(f.message for f in review.findings)


UNPROVEN = [
    pytest.param((Verdict.MIXED,), "toy_scan@95 > f@", id="mixed"),
    pytest.param((Verdict.UNSCOPED,), "toy_scan@95 > f@", id="unscoped"),
    pytest.param((Verdict.PROVEN, Verdict.MIXED), "toy_scan@95 > f@", id="one-of-two-in-a-line"),
    pytest.param((Verdict.UNKNOWN,), "in this function", id="unknown"),
    pytest.param((Verdict.DEAD,), "in this function", id="dead"),
    pytest.param((), "in this function", id="no-site"),
]


@pytest.mark.parametrize(("asked", "part"), UNPROVEN, indirect=["asked"])
def test_any_other_site_stays_an_error(tmp_path: Path, asked: list[str], part: str) -> None:
    review = reviewed(tmp_path)
    assert told(review) == [("nofs-lost", "error")]
    assert part in " ".join(f.message for f in review.findings)
    assert asked


@pytest.mark.parametrize("asked", [(Verdict.MIXED,)], ids=["mixed"], indirect=True)
def test_proofs_are_made_only_where_they_decide(tmp_path: Path, asked: list[str]) -> None:
    after = body("\tmp->buffer = kzalloc(8, GFP_NOFS | __GFP_NOFAIL);\n\treturn 0;")
    assert told(reviewed(tmp_path, dict(after))) == []
    assert asked == []


@pytest.mark.parametrize("asked", [(Verdict.PROVEN,)], ids=["proven"], indirect=True)
def test_a_tree_is_proven_once(asked: list[str]) -> None:
    tree, proofs = with_files(AFTER), ProofsOfTrees()
    answers = {str(proofs(tree, TOY, "f", line)) for line in (1, 2, 3, 4, 5)}
    assert len(asked) == 1
    assert "None" in answers


def test_one_graph_serves_all_questions_about_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[KernelTree, Sequence[str]]] = []

    def fake(tree: KernelTree, paths: Sequence[str], **_: object) -> object:
        built.append((tree, paths))
        return object()

    monkeypatch.setattr(convert.verify.review.proofs, "build_graph", fake)
    one, other, graphs = with_files(AFTER), with_files(BEFORE), LastGraph()
    assert graphs(one, ["fs/a"]) is graphs(one, ("fs/a",))
    assert graphs(one, ["fs/b"]) is not graphs(other, ["fs/b"])
    graphs(one, ["fs/b"])
    assert built == [(one, ["fs/a"]), (one, ["fs/b"]), (other, ["fs/b"]), (one, ["fs/b"])]


def test_proofs_and_hazards_are_of_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []

    def counted(tree: KernelTree, paths: Sequence[str], **_: object) -> object:
        built.append(build_graph(tree, paths))
        return built[-1]

    monkeypatch.setattr(convert.verify.review.proofs, "build_graph", counted)
    text = f"{AFTER[TOY]}EXPORT_SYMBOL(f);\n"
    line = text.count("\n", 0, text.index("kmalloc(")) + 1
    told_of = ProofsOfTrees()(with_files({**AFTER, TOY: text}), TOY, "f", line)
    assert isinstance(told_of, str) and "nothing is held" in told_of
    assert len(built) == 1


def test_a_proof_about_another_function_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    told_by = evidence(Verdict.PROVEN, TOY, 5)
    site = ProvenSite(TOY, 9, 5, "g", "kmalloc", (), SiteUse.ALLOCATES, False, told_by)
    empty = ScopeProofs("nofs", (), (), (), (), Statistics(1, 1, 1, 0, 0), (), ())
    monkeypatch.setattr(
        convert.verify.review.proofs, "prove_scopes", lambda *_, **__: replace(empty, sites=(site,))
    )
    assert ProofsOfTrees()(with_files(AFTER), TOY, "f", 5) is None
    assert ProofsOfTrees()(with_files(AFTER), TOY, "g", 5) is not None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("fs/toy/lib/a.c", "fs/toy", id="filesystem"),
        pytest.param("fs/inode.c", "fs", id="fs-itself"),
        pytest.param("mm/slab.c", "mm", id="other"),
        pytest.param("a.c", "a.c", id="top"),
    ],
)
def test_the_subsystem_of_a_file(path: str, expected: str) -> None:
    assert subsystem(path) == expected
