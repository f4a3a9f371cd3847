"""The independent count must itself be right, and must notice what a report leaves out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from convert.errors import InputError
from scripts.realkernel.account import (
    Report,
    call_lines,
    code_calls,
    code_words,
    matched_calls,
    read_report,
    source_files,
)
from scripts.realkernel.conversion import account
from scripts.realkernel.kernels import Kernel
from scripts.realkernel.subject import Subject, read_subject

SUBJECT_FILE = Path(__file__).parents[2] / "scripts/realkernel/xfs.toml"
CODE = """\
/* take_mem() is explained here */
static int f(void)
{
\tvoid *p = take_mem(1,
\t\ttake_mem(2));	// take_mem(3)
\tmy_take_mem(4);
\ttake_mem_not(5);
\tdrop_mem (p);
}
#define BOTH(p) \\
\tdrop_mem(p)
"""


@pytest.fixture
def subject() -> Subject:
    return Subject(
        path="fs/toy",
        package="none",
        allocations=("take_mem",),
        frees=("drop_mem",),
        home=("fs/toy/mem.h",),
        flags="TM_",
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "fs/toy").mkdir(parents=True)
    (tmp_path / "fs/toy/a.c").write_text(CODE)
    (tmp_path / "fs/toy/mem.h").write_text("void *take_mem(int);\n")
    (tmp_path / "fs/toy/Makefile").write_text("take_mem(\n")
    return tmp_path


def site(
    line: int, kind: str, callee: str, text: str, decision: str = "converted"
) -> dict[str, object]:
    return {
        "file": "fs/toy/a.c",
        "line": line,
        "kind": kind,
        "callee": callee,
        "text": text,
        "decision": decision,
    }


SITES = (
    site(1, "comment", "take_mem", "/* take_mem() is explained here */", "kept"),
    site(4, "alloc", "take_mem", "take_mem(1,\n\t\ttake_mem(2))"),
    site(5, "alloc", "take_mem", "take_mem(2)"),
    site(8, "free", "drop_mem", "drop_mem (p)"),
    site(11, "free", "drop_mem", "drop_mem(p)"),
)


def report_of(sites: Sequence[dict[str, object]]) -> Report:
    return read_report(json.dumps({"summary": {}, "steps": [], "sites": sites}))


def test_the_witnesses_agree_on_a_known_text(tree: Path) -> None:
    files = source_files(tree, "fs/toy", ["fs/toy/mem.h"])
    assert files == ("fs/toy/a.c",)
    assert [line for _, line in call_lines(tree, files, ["take_mem"])] == [1, 4, 5]
    assert code_calls(tree, files, ["take_mem"]) == {"fs/toy/a.c": 2}
    assert code_calls(tree, files, ["drop_mem"]) == {"fs/toy/a.c": 2}
    assert code_words(tree, files, r"\bexplained\b") == {}


def test_a_stray_hash_does_not_end_the_count(tree: Path) -> None:
    (tree / "fs/toy/a.c").write_text('#define S(x) "a" \\\n\t#x\ntake_mem(1);\n')
    assert code_calls(tree, ["fs/toy/a.c"], ["take_mem"]).total() == 1


@pytest.mark.skipif(shutil.which("spatch") is None, reason="Coccinelle is not installed")
def test_coccinelle_is_a_witness(tree: Path) -> None:
    found = matched_calls(tree, "fs/toy", ["take_mem", "drop_mem"])
    assert found is not None
    assert ("fs/toy/a.c", 4) in found
    assert ("fs/toy/a.c", 1) not in found


def test_a_report_of_everything_holds(tree: Path, subject: Subject) -> None:
    kernel = Kernel("toy", tree, "", tree)
    assert [c.statement for c in account(kernel, subject, report_of(SITES)) if not c.holds] == []


@pytest.mark.parametrize(
    ("left_out", "fact"),
    [
        pytest.param(0, "not accounted for: fs/toy/a.c:1", id="comment"),
        pytest.param(1, "not accounted for: fs/toy/a.c:4", id="call-over-two-lines"),
        pytest.param(2, "fs/toy/a.c: 2 calls by gcc, 1 reported", id="call-inside-a-call"),
        pytest.param(4, "not accounted for: fs/toy/a.c:11", id="call-in-a-macro"),
    ],
)
def test_a_site_left_out_is_noticed(tree: Path, subject: Subject, left_out: int, fact: str) -> None:
    sites = [row for number, row in enumerate(SITES) if number != left_out]
    checks = list(account(Kernel("toy", tree, "", tree), subject, report_of(sites)))
    assert fact in [line for check in checks if not check.holds for line in check.facts]


def test_a_call_that_is_reported_but_not_there_is_noticed(tree: Path, subject: Subject) -> None:
    sites = [*SITES, site(6, "alloc", "take_mem", "my_take_mem(4)")]
    checks = list(account(Kernel("toy", tree, "", tree), subject, report_of(sites)))
    assert any(not check.holds for check in checks)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"sites": [{}]}', '{"summary": {}}', "nothing to do"],
    ids=["empty", "list", "site-without-fields", "no-sites", "no-json"],
)
def test_what_is_no_report_is_one_clear_error(text: str) -> None:
    with pytest.raises(InputError, match="JSON report cannot be read"):
        read_report(text)


@pytest.mark.real
def test_witnesses_agree_on_a_real_kernel(kernel_tree: Path) -> None:
    subject = read_subject(SUBJECT_FILE)
    files = source_files(kernel_tree, subject.path, subject.home)
    lines = set(call_lines(kernel_tree, files, subject.wrappers))
    calls = code_calls(kernel_tree, files, subject.wrappers).total()
    assert 0 < calls <= len(lines)
    matched = matched_calls(kernel_tree, subject.path, subject.wrappers)
    assert matched is None or (len(matched) == calls and set(matched) <= lines)
