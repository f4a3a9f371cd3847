"""Every commit is compiled; only what it adds is its doing; the repository stays as it was."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.verify.build import (
    BuildFailed,
    BuildResult,
    Built,
    KernelBuild,
    KernelConfig,
    ToolMissing,
    missing_tool,
)
from convert.verify.scratch import commits_between
from tests.verify.toy import NOISY, QUIET, Toy, files_below, git, toy_kernel

needs_tools = pytest.mark.skipif(missing_tool() is not None, reason=str(missing_tool()))
UNUSED = "int quiet(void)\n{\n\tint fresh;\n\treturn 1;\n}\n"


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return toy_kernel(tmp_path / "repo")


def build_all(
    toy: Toy, work: Path | None = None, config: KernelConfig | None = None
) -> list[BuildResult]:
    commits = commits_between(toy.path, toy.base, "HEAD")
    with KernelBuild(toy.path, ("fs/toy/",), config or KernelConfig(), work, jobs=1) as build:
        return list(build.build_series(toy.base, commits))


@needs_tools
def test_only_what_a_commit_touches_is_compiled_again(toy: Toy) -> None:
    toy.commit("one file", {"fs/toy/quiet.c": QUIET + "\n"})
    toy.commit("a header for all", {"fs/toy/all.h": "\n"})
    toy.commit("nothing", {})
    results = build_all(toy)
    assert [r.compiled for r in results if isinstance(r, Built)] == [2, 1, 2, 0]
    assert [r.subject for r in results if isinstance(r, Built)] == [
        "base",
        "one file",
        "a header for all",
        "nothing",
    ]


@needs_tools
@pytest.mark.parametrize(
    ("files", "warned"),
    [
        pytest.param({"fs/toy/noisy.c": "\n\n" + NOISY}, [], id="an-old-warning-moves"),
        pytest.param({"fs/toy/noisy.c": NOISY.replace("\tint old;\n", "")}, [], id="one-goes"),
        pytest.param({"fs/toy/quiet.c": UNUSED}, ["fresh"], id="a-new-one"),
        pytest.param(
            {"fs/toy/noisy.c": NOISY + NOISY.replace("noisy", "two")},
            ["old"],
            id="a-second-of-the-same-words",
        ),
        pytest.param({"fs/toy/new.c": UNUSED}, ["fresh"], id="in-a-new-file"),
    ],
)
def test_only_added_warnings_are_reported(
    toy: Toy, files: Mapping[str, str], warned: list[str]
) -> None:
    toy.commit("change", files)
    result = build_all(toy)[-1]
    assert isinstance(result, Built)
    assert [warning.split("'")[1] for warning in result.warnings] == warned


@needs_tools
def test_a_commit_that_does_not_compile_is_named_and_the_next_is_built(toy: Toy) -> None:
    bad = toy.commit("breaks", {"fs/toy/quiet.c": QUIET.replace("return 1;", "return 1")})
    toy.commit("mends", {"fs/toy/quiet.c": QUIET})
    base, broken, mended = build_all(toy)
    assert isinstance(base, Built)
    assert isinstance(broken, BuildFailed)
    assert broken.commit == bad
    assert broken.errors[0].startswith("fs/toy/quiet.c:3: error: ")
    assert isinstance(mended, Built)
    assert mended.warnings == ()


@needs_tools
@pytest.mark.parametrize(
    ("config", "files", "words"),
    [
        pytest.param(KernelConfig(enable=("NOWHERE",)), {}, "CONFIG_NOWHERE cannot", id="option"),
        pytest.param(KernelConfig(), {"no-defconfig": "x"}, "no such configuration", id="base"),
    ],
)
def test_a_configuration_that_cannot_be_made_is_a_failed_build(
    toy: Toy, config: KernelConfig, files: Mapping[str, str], words: str
) -> None:
    toy.commit("configuration", files)
    base = git(toy.path, "rev-parse", "HEAD").strip()
    (result,) = build_all(Toy(toy.path, base), config=config)
    assert isinstance(result, BuildFailed)
    assert words in "\n".join(result.errors)


@needs_tools
def test_the_repository_is_only_read(toy: Toy) -> None:
    toy.commit("change", {"fs/toy/quiet.c": UNUSED})
    (toy.path / "fs/toy/quiet.c").write_text("half-written work of the user\n")
    before = files_below(toy.path)
    build_all(toy)
    assert files_below(toy.path) == before


@needs_tools
def test_a_sparse_clone_is_built_whole(toy: Toy, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--sparse", str(toy.path), "sparse")
    (result,) = build_all(Toy(tmp_path / "sparse", toy.base))
    assert isinstance(result, Built)
    assert result.compiled == 2


@needs_tools
def test_the_scratch_directory_goes_unless_it_was_given(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    build_all(toy)
    assert list(temporary.iterdir()) == []
    build_all(toy, tmp_path / "work")
    assert (tmp_path / "work/tree/fs/toy/quiet.c").exists()


@needs_tools
def test_a_kept_directory_saves_compiling_and_remembers_warnings(toy: Toy, tmp_path: Path) -> None:
    toy.commit("touches the noisy file", {"fs/toy/noisy.c": NOISY + "\n"})
    build_all(toy, tmp_path / "work")
    git(toy.path, "reset", "--quiet", "--hard", toy.base)
    base, *_ = build_all(toy, tmp_path / "work")
    assert isinstance(base, Built)
    assert base.compiled == 1
    toy.commit("touches it again", {"fs/toy/noisy.c": "\n" + NOISY})
    assert [r.warnings for r in build_all(toy, tmp_path / "work") if isinstance(r, Built)] == [
        (),
        (),
    ]


@needs_tools
def test_a_kept_directory_is_configured_again_when_other_options_are_asked(
    toy: Toy, tmp_path: Path
) -> None:
    build_all(toy, tmp_path / "work", KernelConfig(enable=("TOY_DEBUG",)))
    dotconfig = tmp_path / "work/output/.config"
    assert "CONFIG_TOY_DEBUG=y" in dotconfig.read_text()
    build_all(toy, tmp_path / "work", KernelConfig(disable=("BLOCK",)))
    assert dotconfig.read_text() == ""


@needs_tools
def test_a_killed_run_leaves_nothing_in_the_repository_and_the_next_one_works(
    toy: Toy, tmp_path: Path
) -> None:
    before = files_below(toy.path)
    toy_work = tmp_path / "work"
    script = (
        "import sys, time; from pathlib import Path\n"
        "from convert.verify.build import KernelBuild, KernelConfig\n"
        "repo, base, work = sys.argv[1:]\n"
        "with KernelBuild(Path(repo), ('fs/toy/',), KernelConfig(), Path(work)) as build:\n"
        "    build.build(base, first=True)\n"
        "    print('built', flush=True)\n"
        "    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script, str(toy.path), toy.base, str(toy_work)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "built\n"
        process.kill()
    assert files_below(toy.path) == before
    assert git(toy.path, "worktree", "list").count("\n") == 1
    (toy_work / "index.lock").touch()
    (toy_work / "tree/fs/toy/quiet.c").write_text("half a file")
    time.sleep(0.01)
    (result,) = build_all(toy, toy_work)
    assert isinstance(result, Built)
    assert (toy_work / "tree/fs/toy/quiet.c").read_text() == QUIET


def test_a_missing_tool_is_named_with_its_package(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_program = subprocess.run(["which", "git"], capture_output=True, text=True, check=True)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(git_program.stdout.strip())
    monkeypatch.setenv("PATH", str(programs))
    with KernelBuild(toy.path, ("fs/toy/",), KernelConfig()) as build:
        result = build.build(toy.base)
    assert result == ToolMissing("make", "make")
    assert str(result) == "make is missing (Debian package: make)"


@needs_tools
def test_an_unknown_commit_is_one_clear_line(toy: Toy) -> None:
    with (
        KernelBuild(toy.path, ("fs/toy/",), KernelConfig()) as build,
        pytest.raises(InputError) as e,
    ):
        build.build("no-such-commit")
    assert "no-such-commit" in str(e.value)


def test_settings_of_an_outer_make_and_git_do_not_reach_the_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from convert.verify.process import clean_environment

    for name in ("MAKEFLAGS", "MAKELEVEL", "GIT_DIR", "GIT_INDEX_FILE", "KBUILD_OUTPUT"):
        monkeypatch.setenv(name, "outer")
    assert "outer" not in clean_environment().values()
