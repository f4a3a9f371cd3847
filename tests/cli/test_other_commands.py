"""The commands beside the main job: contracts, explain, review, report formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import run

PATH = "fs/minfs"


def test_contracts(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "contracts", plain, PATH)
    assert ran.code == 0
    assert "kmem_alloc(KM_NOFS): kmalloc(GFP_NOFS | __GFP_NOWARN)" in ran.out
    assert "executed: fs/minfs/kmem.c:" in ran.out
    assert "kmem_free(ptr): kvfree" in ran.out


def test_contracts_of_a_wrapper_that_cannot_be_run(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = plain / PATH / "kmem.c"
    text = body.read_text()
    body.write_text(text.replace("= kmalloc(size, mask);", "= some_pool(size, mask);"))
    assert body.read_text() != text
    ran = run(capsys, "report", plain, PATH)
    assert ran.code == 2
    assert ran.err.startswith("kmem-convert: the wrappers of fs/minfs/kmem.h cannot be run: ")
    assert "fs/minfs/kmem.c:" in ran.err


def test_explain(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(run(capsys, "report", plain, PATH, "--format", "json").out)
    site = next(s for s in report["sites"] if s["kind"] == "alloc" and s["decision"] == "converted")
    ran = run(capsys, "explain", plain, f"{site['file']}:{site['line']}")
    assert ran.code == 0
    assert ran.out.startswith(f"{site['file']}:{site['line']}:{site['column']}: alloc ")
    for part in (
        "contract: ",
        "executed: fs/minfs/kmem.c:",
        "converted by commit 1",
        "scope nofs: ",
    ):
        assert part in ran.out


@pytest.mark.parametrize(
    ("place", "part"),
    [
        pytest.param(
            "fs/minfs/minfs_buf.c:1", "no site here; the nearest is in line", id="no site"
        ),
        pytest.param("fs/minfs/minfs_buf.c", "FILE:LINE", id="no line"),
        pytest.param("fs/minfs/none.c:3", "none.c", id="no file"),
        pytest.param("mm/slab.c:3", "no site in this file", id="no family"),
    ],
)
def test_explain_refuses(
    place: str, part: str, plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "explain", plain, place)
    assert ran.code == 2
    assert part in ran.err
    assert ran.err.count("\n") == 1


def test_review_of_our_own_series_is_silent(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "series", repo, PATH, "-o", tmp_path / "series").code == 0
    ran = run(capsys, "review", tmp_path / "series", "--tree", repo)
    assert ran.code == 0, ran.out
    assert "6 commits reviewed: 0 errors, 0 warnings" in ran.out


def test_review_of_a_lost_nofail(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "series", repo, PATH, "-o", tmp_path / "series").code == 0
    mail = next((tmp_path / "series").glob("0001-*"))
    text = mail.read_text()
    at = text.index("+", text.index("GFP_NOFS | __GFP_NOFAIL", text.index("@@")) - 90)
    spoiled = text[:at] + text[at:].replace(" | __GFP_NOFAIL", "", 1)
    mail.write_text(spoiled)
    ran = run(capsys, "review", mail, "--tree", repo, "--format", "json")
    assert ran.code == 1
    findings = [f for c in json.loads(ran.out)["commits"] for f in c["findings"]]
    assert any(f["severity"] in ("error", "warning") for f in findings)


@pytest.mark.parametrize("form", ["json", "html", "sarif"])
def test_formats(
    form: str, plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    ran = run(capsys, "report", plain, PATH, "--format", form, "-o", out)
    assert (ran.code, ran.out) == (0, "")
    text = out.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>" if form == "html" else "{")
