"""The options of a directory, and the two configurations, come from the tree alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.errors import InputError
from convert.tree.directory import DirectoryTree
from convert.verify.configurations import KernelConfig, read_fragment, two_configurations
from convert.verify.kconfig import Option, find_family, read_options
from tests.verify.fakekernel import KCONFIG


def names(text: str) -> list[str]:
    return [option.name for option in read_options(text)]


@pytest.mark.parametrize(
    ("text", "option"),
    [
        pytest.param(
            'config A\n\tbool "a"\n', Option("A", "bool", True, (), ()), id="bool-with-prompt"
        ),
        pytest.param("config A\n\tbool\n", Option("A", "bool", False, (), ()), id="no-prompt"),
        pytest.param(
            'config A\n\ttristate\n\tprompt "a"\n',
            Option("A", "tristate", True, (), ()),
            id="prompt-apart",
        ),
        pytest.param("config A\n\tdef_bool y\n", Option("A", "bool", False, (), ()), id="def_bool"),
        pytest.param(
            'config A\n\tint "n"\n\trange 1 2\n', Option("A", "int", True, (), ()), id="number"
        ),
        pytest.param(
            'config A\n\tbool "a"\n\tdepends on B && !C\n\tdepends on D=n\n',
            Option("A", "bool", True, ("B",), ("C", "D")),
            id="both-ways",
        ),
        pytest.param(
            'config A\n\tbool "a"\n\tdepends on (B || C) && D\n',
            Option("A", "bool", True, ("B", "D"), ()),
            id="first-alternative",
        ),
        pytest.param(
            'config A\n\tbool "a"\n\tdepends on B=y && C!=n && D != y && !(E && F) && G\n',
            Option("A", "bool", True, ("B", "C", "G"), ("D",)),
            id="comparisons-and-negated-brackets",
        ),
        pytest.param(
            'if B\nconfig A\n\tbool "a"\nendif\n', Option("A", "bool", True, ("B",), ()), id="if"
        ),
        pytest.param(
            'menuconfig A\n\tbool "a" # why\n\tdepends on B \\\n\t\t&& C\n',
            Option("A", "bool", True, ("B", "C"), ()),
            id="menuconfig-comment-and-continued-line",
        ),
    ],
)
def test_an_option_is_read(text: str, option: Option) -> None:
    assert read_options(text) == (option,)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("# config A\n", [], id="comment"),
        pytest.param("config A\n\tbool\n\thelp\n\t  config B\n", ["A"], id="help"),
        pytest.param("config A\n\thelp\n\t  x\n\n\t  y\nconfig B\n", ["A", "B"], id="after-help"),
        pytest.param('source "a"\nconfig A\nchoice\nconfig B\n', ["A", "B"], id="choice"),
    ],
)
def test_only_entries_are_options(text: str, found: list[str]) -> None:
    assert names(text) == found


def tree(tmp_path: Path, files: dict[str, str]) -> DirectoryTree:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return DirectoryTree(tmp_path)


FILES = {
    "fs/Makefile": "obj-y := core.o\nobj-$(CONFIG_MINFS_FS)\t\t+= minfs/\n"
    "obj-$(CONFIG_LOG)+= log/\nobj-$(CONFIG_XMINFS) += xminfs/\n",
    "fs/minfs/Makefile": "obj-y := a.o\n",
    "fs/minfs/Kconfig": KCONFIG,
    "fs/minfs/lib/a.c": "",
    "fs/log/Makefile": "obj-y := l.o\n",
    "fs/log/Kconfig": 'config LOG\n\ttristate\nconfig LOG_DEBUG\n\tbool "d"\n\tdepends on LOG\n',
    "fs/log/l.c": "",
    "fs/core.c": "",
    "fs/Kconfig": 'config EVERYTHING\n\tbool "e"\n',
    "include/linux/a.h": "",
    "docs/a.txt": "",
}


@pytest.mark.parametrize(
    ("touched", "directories", "switches"),
    [
        pytest.param(["fs/minfs/lib/a.c"], ("fs/minfs",), ("MINFS_FS",), id="below"),
        pytest.param(
            ["fs/minfs/lib/a.c", "fs/log/l.c"],
            ("fs/minfs", "fs/log"),
            ("MINFS_FS", "LOG"),
            id="two",
        ),
        pytest.param(["fs/core.c"], ("fs",), (), id="always-built"),
        pytest.param(["include/linux/a.h"], (), (), id="header-of-all"),
        pytest.param(["docs/a.txt", "fs/minfs/Kconfig"], (), (), id="no-code"),
    ],
)
def test_what_is_built_comes_from_the_makefiles(
    touched: list[str], directories: tuple[str, ...], switches: tuple[str, ...], tmp_path: Path
) -> None:
    family = find_family(tree(tmp_path, FILES), touched)
    assert (family.directories, family.switches) == (directories, switches)
    if not directories:
        with pytest.raises(InputError):
            two_configurations(family)


@pytest.mark.parametrize(
    ("touched", "words"),
    [
        pytest.param(
            ["fs/minfs/lib/a.c"],
            {
                "full": "defconfig, with BLOCK MINFS_FS MINFS_QUOTA MINFS_DEBUG, without WERROR",
                "small": "defconfig, with BLOCK MINFS_FS, without MINFS_QUOTA MINFS_DEBUG "
                "MINFS_QUIET WERROR",
            },
            id="options-that-bar-each-other-give-way",
        ),
        pytest.param(
            ["fs/log/l.c"],
            {
                "full": "defconfig, with LOG_DEBUG, without WERROR",
                "small": "defconfig, without LOG_DEBUG WERROR",
            },
            id="a-switch-that-nobody-can-set",
        ),
        pytest.param(["fs/core.c"], {"full": "defconfig, without WERROR"}, id="one-is-enough"),
    ],
)
def test_the_two_configurations(touched: list[str], words: dict[str, str], tmp_path: Path) -> None:
    found = two_configurations(find_family(tree(tmp_path, FILES), touched))
    assert {config.name: str(config) for config in found} == words


def test_a_fragment_is_read(tmp_path: Path) -> None:
    file = tmp_path / "kasan.config"
    file.write_text(
        '# c\n\nCONFIG_A=y\nCONFIG_B=m\nCONFIG_C=n\n# CONFIG_D is not set\nCONFIG_E="x"\n'
    )
    assert read_fragment(file) == KernelConfig(
        "kasan",
        enable=("A", "B"),
        disable=("C", "D", "WERROR"),
        required=("A", "B"),
        values=(("E", '"x"'),),
    )


@pytest.mark.parametrize(
    "line", [pytest.param("enable A", id="words"), pytest.param("CONFIG_A", id="no-value")]
)
def test_a_line_that_is_no_option_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "a.config"
    file.write_text(f"CONFIG_B=y\n{line}\n")
    with pytest.raises(InputError, match=r"a\.config:2: "):
        read_fragment(file)
