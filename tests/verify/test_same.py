"""A series of the tool's own is what the tool would make again; one changed by hand is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import commit_all, copy_minikernel, run

REPLACED = "0000-cover-letter.patch"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    kernel = copy_minikernel(tmp_path / "kernel")
    commit_all(kernel)
    return kernel


def whole(capsys: pytest.CaptureFixture[str], series: Path, tree: Path) -> dict[str, object]:
    """The result of generating the series again."""
    ran = run(capsys, "verify", series, "--tree", tree, "--format", "json")
    (found,) = [o for o in json.loads(ran.out)["results"] if o["check"] == "same as apply"]
    assert isinstance(found, dict)
    return found


def test_what_the_tool_made_is_made_again(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = tmp_path / "series"
    assert run(capsys, "series", tree, "fs/minfs", "-o", series).code in (0, 1)
    cover = (series / REPLACED).read_text()
    assert "Nothing was run: these patches were not compiled" in cover
    found = whole(capsys, series, tree)
    assert (found["result"], found["cached"]) == ("passed", False)
    again = whole(capsys, series, tree)
    assert (again["result"], again["cached"]) == ("passed", True)

    last = sorted(series.glob("*.patch"))[-1]
    first = sorted(series.glob("0001-*.patch"))[0]
    text = first.read_text()
    assert "kzalloc(" in text
    if last != first:
        last.unlink()  # what is left is not all that the tool makes
    assert whole(capsys, series, tree)["result"] == "failed"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param("", "names no command", id="none"),
        pytest.param("kmem-convert apply x fs/minfs --branch b", "not series", id="another"),
        pytest.param("kmem-convert series x fs/minfs", "the cover letter's command", id="no-o"),
        pytest.param(
            "kmem-convert series x fs/nowhere -o y", "cannot be generated again", id="no-path"
        ),
        pytest.param("kmem-convert 'series x", "names no command", id="open-quote"),
    ],
)
def test_a_command_that_cannot_be_followed_is_said(
    command: str,
    reason: str,
    tree: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    series = tmp_path / "series"
    assert run(capsys, "series", tree, "fs/minfs", "-o", series).code in (0, 1)
    cover = series / REPLACED
    lines = cover.read_text().split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith("  kmem-convert series "))
    lines[place] = f"  {command}" if command else ""
    cover.write_text("\n".join(lines))
    found = whole(capsys, series, tree)
    assert found["result"] == "not-run"
    assert reason in str(found["reason"])
