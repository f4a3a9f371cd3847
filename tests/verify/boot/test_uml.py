"""Kernels are built once for what they are made of; here a few lines of make stand for kbuild."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.verify.boot.patching import DebugPatch
from convert.verify.boot.uml import KernelBuilt, KernelFailed, UmlBuild
from tests.verify.boot.test_compare import PROFILE
from tests.verify.boot.test_patching import git, head

MAKEFILE = """\
.PHONY: defconfig olddefconfig linux
defconfig:
\t@test "$(ARCH)" = um && printf '%s\\n' CONFIG_EXT4_FS=y CONFIG_FTRACE=y > $(O)/.config
olddefconfig:
\t@sed -i /NOWHERE/d $(O)/.config
linux:
\t@echo built >> $(O)/count
\t@gcc -x c fs/toy/a.c -o $(O)/linux
"""
CONFIG_SCRIPT = """\
file=$2; shift 2
while [ $# -gt 0 ]; do
    sed -i "/^CONFIG_$2=/d" "$file"
    test "$1" = --disable || echo "CONFIG_$2=y" >> "$file"
    shift 2
done
"""
GOOD = "#include <stdio.h>\nint main(void)\n{\n\treturn 0;\n}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    texts = {
        "Makefile": MAKEFILE,
        "scripts/config": CONFIG_SCRIPT,
        "lib/Makefile": "obj-y += toy.o\n",
        "fs/toy/a.c": GOOD,
    }
    for name, text in texts.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    git(place, "init", "--quiet")
    git(place, "add", ".")
    commit(place, "base")
    return place


def commit(place: Path, title: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@t")
    git(place, *who, "commit", "--quiet", "--all", "-m", title)
    return head(place)


def changed(place: Path, text: str) -> str:
    (place / "fs/toy/a.c").write_text(text)
    return commit(place, "change")


def build(place: Path, enable: tuple[str, ...] = ()) -> UmlBuild:
    return UmlBuild(place, DebugPatch(PROFILE, (), place / "git"), enable, jobs=1)


def times_built(place: Path) -> int:
    return len((place / "output/count").read_text().splitlines())


def test_a_kernel_is_built_once_for_the_same_files(tmp_path: Path, repository: Path) -> None:
    uml = build(tmp_path / "place")
    with uml.locked(repository, lambda _: None):
        first, second = (uml.build(head(repository)) for _ in range(2))
    assert isinstance(first, KernelBuilt)
    assert isinstance(second, KernelBuilt)
    assert (first.cached, second.cached) == (False, True)
    assert first.program == second.program
    assert times_built(uml.place) == 1


def test_another_commit_is_another_kernel(tmp_path: Path, repository: Path) -> None:
    uml = build(tmp_path / "place")
    with uml.locked(repository, lambda _: None):
        first = uml.build(head(repository))
        second = uml.build(changed(repository, GOOD.replace("0", "1")))
        third = uml.build(changed(repository, GOOD))
    kernels = [kernel for kernel in (first, second, third) if isinstance(kernel, KernelBuilt)]
    assert [kernel.cached for kernel in kernels] == [False, False, True]
    assert kernels[0].key == kernels[2].key != kernels[1].key


def test_another_configuration_is_another_kernel(tmp_path: Path, repository: Path) -> None:
    keys = set()
    for enable in ((), ("KASAN",)):
        uml = build(tmp_path / "place", enable)
        with uml.locked(repository, lambda _: None):
            kernel = uml.build(head(repository))
        assert isinstance(kernel, KernelBuilt)
        assert not kernel.cached
        keys.add(kernel.key)
    assert len(keys) == 2


def test_what_does_not_compile_is_said_and_not_kept(tmp_path: Path, repository: Path) -> None:
    uml = build(tmp_path / "place")
    with uml.locked(repository, lambda _: None):
        failed = uml.build(changed(repository, "int main(void) { return nothing; }\n"))
        again = uml.build(changed(repository, GOOD))
    assert isinstance(failed, KernelFailed)
    assert "error: ‘nothing’ undeclared" in failed.errors[0].replace("'", "‘", 1).replace("'", "’")
    assert isinstance(again, KernelBuilt)


def test_an_option_that_the_tree_does_not_have_is_named(tmp_path: Path, repository: Path) -> None:
    uml = build(tmp_path / "place", ("NOWHERE_FS",))
    with uml.locked(repository, lambda _: None):
        failed = uml.build(head(repository))
    assert isinstance(failed, KernelFailed)
    assert failed.errors == ("CONFIG_NOWHERE_FS cannot be enabled in this tree",)


@pytest.mark.parametrize(
    ("enable", "wanted", "on"),
    [
        pytest.param(("EXT4_FS",), (), {"EXT4_FS"}, id="enabled"),
        pytest.param((), ("EXT4_FS",), {"EXT4_FS"}, id="wanted"),
        pytest.param((), (), set(), id="not asked for"),
    ],
)
def test_what_takes_time_is_off_unless_the_profile_asks_for_it(
    enable: tuple[str, ...],
    wanted: tuple[str, ...],
    on: set[str],
    tmp_path: Path,
    repository: Path,
) -> None:
    place = tmp_path / "place"
    uml = UmlBuild(place, DebugPatch(PROFILE, (), place / "git"), enable, wanted, jobs=1)
    with uml.locked(repository, lambda _: None):
        assert isinstance(uml.build(head(repository)), KernelBuilt)
    lines = set((place / "output/.config").read_text().splitlines())
    found = {name for name in ("EXT4_FS", "FTRACE") if f"CONFIG_{name}=y" in lines}
    assert found == on


def test_the_repository_is_only_read(tmp_path: Path, repository: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    uml = build(tmp_path / "place")
    with uml.locked(repository, lambda _: None):
        uml.build(head(repository))
    assert before == {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
