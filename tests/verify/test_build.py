"""Only what changed is compiled; only what it adds is reported; the repository stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.verify.build import (
    BuildBroken,
    BuildDirectory,
    BuildFailed,
    BuildResult,
    Built,
    build_together,
    missing_tool,
)
from convert.verify.configurations import KernelConfig
from convert.verify.process import clean_environment
from convert.verify.scratch import ScratchTree, commits_between
from tests.verify.toy import NOISY, QUIET, Toy, files_below, git, toy_kernel

needs_tools = pytest.mark.skipif(missing_tool() is not None, reason=str(missing_tool()))
UNUSED = "int quiet(void)\n{\n\tint fresh;\n\treturn 1;\n}\n"


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return toy_kernel(tmp_path / "repo")


def build_all(
    toy: Toy, work: Path, config: KernelConfig | None = None, again: bool = False
) -> list[BuildResult]:
    """Build the base and each commit after it."""
    scratch = ScratchTree(toy.path, work / "tree", work / "index")
    scratch.open()
    place = work / "build"
    directory = BuildDirectory(work / "tree", place, config or KernelConfig(), ("fs/toy/",))
    results = []
    for number, commit in enumerate([toy.base, *commits_between(toy.path, toy.base, "HEAD")]):
        scratch.checkout(commit)
        results.append(directory.build(first=number == 0, reconfigure=again))
    return results


@needs_tools
def test_only_what_a_commit_touches_is_compiled_again(toy: Toy, tmp_path: Path) -> None:
    toy.commit("one file", {"fs/toy/quiet.c": QUIET + "\n"})
    toy.commit("a header for all", {"fs/toy/all.h": "\n"})
    toy.commit("nothing", {})
    results = build_all(toy, tmp_path / "work")
    assert [r.compiled for r in results if isinstance(r, Built)] == [2, 1, 2, 0]


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
    toy: Toy, files: Mapping[str, str], warned: list[str], tmp_path: Path
) -> None:
    toy.commit("change", files)
    result = build_all(toy, tmp_path / "work")[-1]
    assert isinstance(result, Built)
    assert [message.text.split("'")[1] for message in result.warnings] == warned


@needs_tools
def test_a_commit_that_does_not_compile_is_named_and_the_next_is_built(
    toy: Toy, tmp_path: Path
) -> None:
    toy.commit("breaks", {"fs/toy/quiet.c": QUIET.replace("return 1;", "return 1")})
    toy.commit("mends", {"fs/toy/quiet.c": QUIET})
    base, broken, mended = build_all(toy, tmp_path / "work")
    assert isinstance(base, Built)
    assert isinstance(broken, BuildFailed)
    assert broken.errors[0].startswith("fs/toy/quiet.c:3: error: ")
    assert isinstance(mended, Built)
    assert mended.warnings == ()


@needs_tools
@pytest.mark.parametrize(
    ("config", "files", "words"),
    [
        pytest.param(
            KernelConfig(enable=("NOWHERE",), required=("NOWHERE",)),
            {},
            "CONFIG_NOWHERE cannot",
            id="option",
        ),
        pytest.param(KernelConfig(), {"no-defconfig": "x"}, "no such configuration", id="base"),
    ],
)
def test_a_configuration_that_cannot_be_made_is_a_failed_build(
    toy: Toy, config: KernelConfig, files: Mapping[str, str], words: str, tmp_path: Path
) -> None:
    toy.commit("configuration", files)
    base = git(toy.path, "rev-parse", "HEAD").strip()
    (result,) = build_all(Toy(toy.path, base), tmp_path / "work", config)
    assert isinstance(result, BuildFailed)
    assert words in "\n".join(result.errors)


@needs_tools
def test_an_option_that_is_only_wished_for_may_be_refused(toy: Toy, tmp_path: Path) -> None:
    config = KernelConfig(enable=("BLOCK", "NOWHERE"))
    (result,) = build_all(toy, tmp_path / "work", config)
    assert isinstance(result, Built)
    directory = BuildDirectory(
        tmp_path / "work/tree", tmp_path / "work/build", config, ("fs/toy/",)
    )
    assert directory.refused() == ("NOWHERE",)
    assert not directory.empty()


@needs_tools
def test_the_repository_is_only_read(toy: Toy, tmp_path: Path) -> None:
    toy.commit("change", {"fs/toy/quiet.c": UNUSED})
    (toy.path / "fs/toy/quiet.c").write_text("half-written work of the user\n")
    before = files_below(toy.path)
    build_all(toy, tmp_path / "work")
    assert files_below(toy.path) == before


@needs_tools
def test_a_sparse_clone_is_built_whole(toy: Toy, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--sparse", str(toy.path), "sparse")
    (result,) = build_all(Toy(tmp_path / "sparse", toy.base), tmp_path / "work")
    assert isinstance(result, Built)
    assert result.compiled == 2


@needs_tools
def test_a_kept_directory_saves_compiling_and_remembers_warnings(toy: Toy, tmp_path: Path) -> None:
    toy.commit("touches the noisy file", {"fs/toy/noisy.c": NOISY + "\n"})
    build_all(toy, tmp_path / "work")
    git(toy.path, "reset", "--quiet", "--hard", toy.base)
    base, *_ = build_all(toy, tmp_path / "work")
    assert isinstance(base, Built)
    assert base.compiled == 1
    toy.commit("touches it again", {"fs/toy/noisy.c": "\n" + NOISY})
    results = build_all(toy, tmp_path / "work")
    assert [r.warnings for r in results if isinstance(r, Built)] == [(), ()]


@needs_tools
def test_objects_of_a_run_that_was_killed_are_not_trusted(toy: Toy, tmp_path: Path) -> None:
    build_all(toy, tmp_path / "work")
    (tmp_path / "work/build/busy").touch()  # make had run, and nobody read what it said
    (result,) = build_all(toy, tmp_path / "work")
    assert isinstance(result, Built)
    assert result.compiled == 2


@needs_tools
def test_a_kept_directory_is_configured_again_when_other_options_are_asked(
    toy: Toy, tmp_path: Path
) -> None:
    build_all(toy, tmp_path / "work", KernelConfig(enable=("TOY_DEBUG",)))
    dotconfig = tmp_path / "work/build/output/.config"
    assert "CONFIG_TOY_DEBUG=y" in dotconfig.read_text()
    build_all(toy, tmp_path / "work", KernelConfig(disable=("BLOCK",)))
    assert dotconfig.read_text() == ""
    dotconfig.write_text("CONFIG_STALE=y\n")
    build_all(toy, tmp_path / "work", KernelConfig(disable=("BLOCK",)), again=True)
    assert dotconfig.read_text() == ""


@needs_tools
def test_a_make_that_is_killed_says_nothing_about_the_commit(toy: Toy, tmp_path: Path) -> None:
    makefile = (toy.path / "Makefile").read_text()
    killed = makefile.replace("\t@true\n", "\t@kill -KILL $$PPID\n")
    toy.commit("killed", {"Makefile": killed})
    result = build_all(toy, tmp_path / "work")[-1]
    assert result == BuildBroken("make was ended from outside: signal 9")


@needs_tools
def test_configurations_that_are_built_together_have_results_of_their_own(
    toy: Toy, tmp_path: Path
) -> None:
    scratch = ScratchTree(toy.path, tmp_path / "work/tree", tmp_path / "work/index")
    scratch.open()
    configs = {
        "good": KernelConfig(),
        "refused": KernelConfig(enable=("NOWHERE",), required=("NOWHERE",)),
        "other": KernelConfig(),
    }
    places = [
        BuildDirectory(tmp_path / "work/tree", tmp_path / "work" / name, config, ("fs/toy/",), 2)
        for name, config in configs.items()
    ]
    scratch.checkout(toy.base)
    first, refused, last = build_together([(place, True) for place in places])
    assert [r.compiled for r in (first, last) if isinstance(r, Built)] == [2, 2]
    assert isinstance(refused, BuildFailed)
    assert refused.errors == ("CONFIG_NOWHERE cannot be enabled in this tree",)
    scratch.checkout(toy.commit("warns", {"fs/toy/quiet.c": UNUSED}))
    both = build_together([(places[0], False), (places[2], True)])
    assert [len(r.warnings) for r in both if isinstance(r, Built)] == [1, 0]


@needs_tools
def test_of_two_builds_one_may_be_ended_from_outside(toy: Toy, tmp_path: Path) -> None:
    scratch = ScratchTree(toy.path, tmp_path / "work/tree", tmp_path / "work/index")
    scratch.open()
    makefile = (toy.path / "Makefile").read_text()
    killed = makefile.replace("\t@true\n", "\t@case $(O) in */two/*) kill -KILL $$PPID;; esac\n")
    scratch.checkout(toy.commit("kills one", {"Makefile": killed}))
    one, two = build_together(
        [
            (
                BuildDirectory(
                    tmp_path / "work/tree", tmp_path / name, KernelConfig(), ("fs/toy/",)
                ),
                True,
            )
            for name in ("one", "two")
        ]
    )
    assert isinstance(one, Built)
    assert two == BuildBroken("make was ended from outside: signal 9")


@needs_tools
def test_an_unknown_commit_is_one_clear_line(toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no-such-commit"):
        build_all(Toy(toy.path, "no-such-commit"), tmp_path / "work")


def test_settings_of_an_outer_make_and_git_do_not_reach_the_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MAKEFLAGS", "MAKELEVEL", "GIT_DIR", "KBUILD_OUTPUT", "KCFLAGS", "ARCH", "W"):
        monkeypatch.setenv(name, "outer")
    assert "outer" not in clean_environment().values()
