"""Each fault is caught by the check that should catch it, in the commit that brings it in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from convert.verify.build import missing_tool
from convert.verify.report import verify_schema
from tests.support import Ran, git, run, snapshot
from tests.verify.fakekernel import (
    BIO,
    HEADER,
    LIST,
    QUOTA,
    FakeKernel,
    fake_kernel,
    function,
)

needs_tools = pytest.mark.skipif(
    missing_tool() is not None or not all(map(shutil.which, ("sparse", "spatch"))),
    reason="needs the packages of .ci/run",
)
GOOD = function("minfs_good", "\treturn bytes ? 0 : -EINVAL;")
HARMLESS = "/* A comment. */\n"
WRONG_FREE = "#include <linux/slab.h>\n#include <linux/vmalloc.h>\n" + function(
    "minfs_wrong_free",
    """
	char *p;

	p = vmalloc(bytes);
	if (!p)
		return -ENOMEM;
	p[0] = 0;
	kfree(p);
	return 0;
""",
)
UNBALANCED = function(
    "minfs_unbalanced",
    """
	unsigned int nofs = memalloc_nofs_save();

	if (!bytes)
		return -EINVAL;
	memalloc_nofs_restore(nofs);
	return 0;
""",
)
UNUSED = function("minfs_unused", "\tint fresh;\n\n\tfresh = bytes;\n\treturn 0;")
NULL_AS_NUMBER = function("minfs_null", "\tchar *p = 0;\n\n\treturn p ? 1 : 0;")
BROKEN = function("minfs_broken", "\treturn bytes\n\t;}").replace("\n\t;}", ";\n\treturn nothing;")

# Subject, what is added to which file, and the checks that must fail on that commit.
STEPS: tuple[tuple[str, Mapping[str, str], set[str]], ...] = (
    ("good", {LIST: GOOD}, set()),
    ("adds a warning", {LIST: UNUSED}, {"W=1"}),
    ("shifts it", {f"{LIST}:top": HARMLESS}, set()),
    ("adds a number for NULL", {BIO: NULL_AS_NUMBER}, {"sparse"}),
    ("warns with quota only", {QUOTA: UNUSED.replace("unused", "quota")}, {"W=1"}),
    ("odd style", {BIO: "/* BAD */\n"}, {"checkpatch"}),
    ("frees vmalloc memory by kfree", {LIST: WRONG_FREE}, {"coccinelle", "review"}),
    ("forgets the scope", {LIST: UNBALANCED}, {"review"}),
    ("does not compile", {BIO: BROKEN}, {"build"}),
    ("mends it", {HEADER: "#define nothing 0\n"}, set()),
    ("ends well", {LIST: HARMLESS}, set()),
)


@dataclass(frozen=True)
class Place:
    kernel: FakeKernel
    series: Path
    cache: Path
    ran: Ran
    document: dict[str, object]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    return fake_kernel(tmp_path / "kernel")


def verify(
    capsys: pytest.CaptureFixture[str], series: Path, kernel: FakeKernel, *words: str
) -> tuple[int, dict[str, object], str]:
    """Run the command for JSON; exit code, document, stderr."""
    ran = run(capsys, "verify", series, "--tree", kernel.path, "--format", "json", *words)
    document = json.loads(ran.out) if ran.out else {}
    if document:
        jsonschema.validate(document, verify_schema())
    return ran.code, document, ran.err


def failed(document: dict[str, object]) -> dict[int | None, set[str]]:
    """The checks that failed, by commit."""
    found: dict[int | None, set[str]] = {}
    for one in results(document):
        if one["result"] == "failed":
            found.setdefault(one["commit"], set()).add(one["check"])  # type: ignore[arg-type]
    return found


def results(document: dict[str, object]) -> list[dict[str, object]]:
    rows = document["results"]
    assert isinstance(rows, list)
    return rows


@needs_tools
def test_each_fault_is_caught_by_its_check_and_in_its_commit(
    kernel: FakeKernel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = kernel.series(tmp_path / "series", [(s, files) for s, files, _ in STEPS])
    before = snapshot(kernel.path)
    refs = git(kernel.path, "for-each-ref")
    code, document, err = verify(capsys, series, kernel, "--build")
    wanted = {number: checks for number, (_, _, checks) in enumerate(STEPS, 1) if checks}
    assert failed(document) == wanted
    assert code == 1
    assert err == ""  # in a pipe
    not_run = {
        (one["commit"], one["check"]) for one in results(document) if one["result"] == "not-run"
    }
    assert not_run == {(None, "boot"), (None, "same as apply"), (9, "W=1"), (9, "sparse")}
    assert snapshot(kernel.path) == before
    assert git(kernel.path, "for-each-ref") == refs
    assert git(kernel.path, "worktree", "list").count("\n") == 0

    again_code, again, _ = verify(capsys, series, kernel, "--build")
    assert again_code == code
    assert failed(again) == wanted
    built = [one for one in results(again) if "cached" in one and one["commit"]]
    assert {one["check"] for one in built if not one["cached"]} == {"applies"}
    assert len(again["configurations"]) == 2  # type: ignore[arg-type]


@needs_tools
def test_a_clean_series_passes_and_its_cover_letter_says_so(
    kernel: FakeKernel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = kernel.series(tmp_path / "series", [("good", {LIST: GOOD}), ("too", {BIO: HARMLESS})])
    cover = series / "0000-cover-letter.patch"
    ran = run(
        capsys, "verify", series, "--tree", kernel.path, "--build", "--update-cover", "--verbose"
    )
    assert ran.code == 0
    assert "2 commits verified; no fault" in ran.out
    first = cover.read_text()
    assert "      1  " not in first  # the table is indented by two
    assert "  1           ok     ok   ok      ok          ok          ok      ok" in first
    assert "gcc" in first
    assert first.count("== What was verified ==") == 1
    assert first.index("== End of what was verified ==") < first.index("A (2):")
    run(capsys, "verify", series, "--tree", kernel.path, "--build", "--update-cover")
    second = cover.read_text()
    assert second.count("== What was verified ==") == 1
    # The rest of the letter stays, and the patches can still be applied by anyone.
    outside = [text.partition("== What")[0] for text in (first, second)]
    assert outside[0] == outside[1]
    git(kernel.path, "checkout", "-q", "-b", "applied")
    git(kernel.path, "am", "-q", "--empty=drop", *map(str, sorted(series.iterdir())))
    assert git(kernel.path, "log", "--format=%s", "main..applied") == "too\ngood"


@needs_tools
def test_a_patch_that_does_not_apply_ends_it_and_those_before_are_checked(
    kernel: FakeKernel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [("good", {LIST: GOOD}), ("bad", {BIO: HARMLESS}), ("last", {LIST: HARMLESS})]
    series = kernel.series(tmp_path / "series", steps)
    mail = series / "0002-bad.patch"
    text = mail.read_text()
    context = next(line for line in text.split("\n") if line.startswith(" ") and "}" in line)
    mail.write_text(text.replace(f"\n{context}\n", "\n elsewhere\n"))
    code, document, _ = verify(capsys, series, kernel, "--build")
    assert code == 1
    assert failed(document) == {2: {"applies"}}
    by_commit = {
        number: {one["result"] for one in results(document) if one["commit"] == number}
        for number in (2, 3)
    }
    assert by_commit == {2: {"failed", "not-run"}, 3: {"not-run"}}
    checks = {one["check"]: one["result"] for one in results(document) if one["commit"] == 1}
    assert checks["build"] == "passed"


@needs_tools
def test_a_plain_directory_is_verified_as_well_and_only_read(
    kernel: FakeKernel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = kernel.series(tmp_path / "series", [("warns", {LIST: UNUSED}), ("ok", {BIO: GOOD})])
    shutil.rmtree(kernel.path / ".git")
    (kernel.path / ".config").write_text("left by a build\n")
    before = snapshot(kernel.path)
    code, document, _ = verify(capsys, series, kernel, "--build")
    assert (code, failed(document)) == (1, {1: {"W=1"}})
    assert snapshot(kernel.path) == before


def test_of_a_work_tree_what_is_committed_counts(
    kernel: FakeKernel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = kernel.series(tmp_path / "series", [("good", {LIST: GOOD})])
    (kernel.path / LIST).write_text("half-written work of the user\n")
    before = snapshot(kernel.path)
    code, document, _ = verify(capsys, series, kernel)
    assert (code, failed(document)) == (0, {})
    assert snapshot(kernel.path) == before


@pytest.mark.parametrize("plain", [False, True])
def test_a_renamed_file_is_followed(
    plain: bool, kernel: FakeKernel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = git(kernel.path, "rev-parse", "HEAD")
    git(kernel.path, "mv", LIST, "fs/minfs/renamed.c")
    with (kernel.path / "fs/minfs/renamed.c").open("a") as file:
        file.write(HARMLESS)
    git(kernel.path, "commit", "-q", "-m", "rename", "-m", "A reason.")
    git(kernel.path, "format-patch", "-q", "-M", "-o", str(tmp_path / "series"), base)
    git(kernel.path, "reset", "-q", "--hard", base)
    assert "rename from" in next((tmp_path / "series").iterdir()).read_text()
    if plain:
        shutil.rmtree(kernel.path / ".git")
    _, document, _ = verify(capsys, tmp_path / "series", kernel)
    states = {one["check"]: one["result"] for one in results(document)}
    assert (states["applies"], states["fresh git am"]) == ("passed", "passed")


def test_what_has_no_workload_is_not_booted_and_that_is_said(
    kernel: FakeKernel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = kernel.series(tmp_path / "series", [("good", {LIST: GOOD})])
    code, document, _ = verify(capsys, series, kernel, "--boot")
    (boot,) = [one for one in results(document) if one["check"] == "boot"]
    assert (boot["result"], boot["commit"], boot["asked"]) == ("not-run", 1, True)
    assert "no workload" in str(boot["reason"])
    assert code == 1


@pytest.mark.parametrize(
    ("program", "package", "checks"),
    [
        pytest.param("make", "make", {"build", "W=1", "sparse"}, id="make"),
        pytest.param("bison", "bison", {"build", "W=1", "sparse"}, id="bison"),
        pytest.param("sparse", "sparse", {"sparse"}, id="sparse"),
        pytest.param("spatch", "coccinelle", {"coccinelle"}, id="spatch"),
    ],
)
@needs_tools
def test_a_missing_tool_is_named_and_the_rest_runs(
    program: str,
    package: str,
    checks: set[str],
    kernel: FakeKernel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series = kernel.series(tmp_path / "series", [("good", {BIO: GOOD})])
    places = [Path(p) for p in ("/usr/bin", "/bin", "/usr/local/bin")]
    programs = tmp_path / "programs"
    programs.mkdir()
    for place in reversed(places):
        for file in place.iterdir():
            if file.name != program:
                (programs / file.name).unlink(missing_ok=True)
                (programs / file.name).symlink_to(file)
    monkeypatch.setenv("PATH", str(programs))
    code, document, _ = verify(capsys, series, kernel, "--build")
    missing = {one["check"]: one for one in results(document) if one.get("package")}
    assert set(missing) == checks
    assert {one["package"] for one in missing.values()} == {package}
    assert code == 1
    assert failed(document) == {}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param(["nowhere", "--tree", "kernel"], "nowhere: no such directory", id="series"),
        pytest.param(["kernel", "--tree", "kernel"], "no patches", id="no-series"),
        pytest.param(["series", "--tree", "nowhere"], "no such directory", id="tree"),
        pytest.param(
            ["series", "--tree", "kernel", "--config", "nowhere"], "cannot be read", id="config"
        ),
        pytest.param(
            ["bare", "--tree", "kernel", "--update-cover"], "no cover letter", id="no-cover"
        ),
        pytest.param(["series", "--tree", "kernel", "--jobs", "0"], "--jobs", id="jobs"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str],
    reason: str,
    kernel: FakeKernel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    series = kernel.series(tmp_path / "series", [("good", {BIO: GOOD})])
    shutil.copytree(series, tmp_path / "bare")
    (tmp_path / "bare/0000-cover-letter.patch").unlink()
    ran = run(capsys, "verify", *words)
    assert ran.code == 2
    assert ran.out == ""
    assert reason in ran.err
    assert "Traceback" not in ran.err
