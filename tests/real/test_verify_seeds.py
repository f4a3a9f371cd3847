"""Faults put into a real kernel are caught by `verify`, each by its check and in its commit.

fs/jbd2 is built because it is small: the kernel's own make, sparse, checkpatch and semantic patches
are what is tried here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from convert.tree.open import open_tree
from tests.support import commit_all, git, run

CODE = "fs/jbd2/revoke.c"
OTHER = "fs/jbd2/checkpoint.c"
HEADER = "include/linux/jbd2.h"
NAMES = ("free", "scope", "lock", "mask", "style", "broken")


def function(name: str, body: str, includes: str = "") -> str:
    """A function in the kernel's style, to be added to a file."""
    return f"\n{includes}int seed_{name}(unsigned int bytes)\n{{\n{body}}}\n"


STEPS: tuple[tuple[str, Mapping[str, str], set[str]], ...] = (
    (
        "jbd2: declare functions",
        {HEADER: "\n" + "".join(f"int seed_{name}(unsigned int bytes);\n" for name in NAMES)},
        set(),
    ),
    (
        "jbd2: free vmalloc memory by kfree",
        {
            CODE: function(
                "free",
                "\tchar *p;\n\n\tp = vmalloc(bytes);\n\tif (!p)\n\t\treturn -ENOMEM;\n"
                "\tp[0] = 0;\n\tkfree(p);\n\treturn 0;\n",
                "#include <linux/vmalloc.h>\n\n",
            )
        },
        {"coccinelle", "review"},
    ),
    (
        "jbd2: leave a scope open",
        {
            OTHER: function(
                "scope",
                "\tunsigned int nofs = memalloc_nofs_save();\n\n\tif (!bytes)\n"
                "\t\treturn -EINVAL;\n\tmemalloc_nofs_restore(nofs);\n\treturn 0;\n",
                "#include <linux/sched/mm.h>\n\n",
            )
        },
        {"review"},
    ),
    (
        "jbd2: keep a lock",
        {
            OTHER: function(
                "lock",
                "\tstatic DEFINE_SPINLOCK(seed);\n\n\tif (bytes)\n\t\tspin_lock(&seed);\n"
                "\treturn 0;\n",
            )
        },
        {"sparse"},
    ),
    (
        "jbd2: do not declare a function",
        {OTHER: function("undeclared", "\treturn bytes ? 0 : -EINVAL;\n")},
        {"W=1", "sparse"},
    ),
    (
        "jbd2: take a number for a mask",
        {
            CODE: function(
                "mask",
                "\tgfp_t mask = 0xcc0u;\n\n\treturn bytes == (__force unsigned int)mask;\n",
            )
        },
        {"sparse"},
    ),
    (
        "jbd2: leave blanks at the end",
        {CODE: function("style", "\treturn bytes ? 0 : -EINVAL; \n")},
        {"checkpatch"},
    ),
    (
        "jbd2: use what is not there",
        {OTHER: function("broken", "\treturn bytes + SEED_NUMBER;\n")},
        {"build"},
    ),
    ("jbd2: add what was missing", {HEADER: "\n#define SEED_NUMBER\t\t1\n"}, set()),
)


def mails(tree: Path, place: Path) -> Path:
    """The seeds as mails, made in a repository of the touched files only."""
    kernel = open_tree(str(tree))
    repository = place / "seeds"
    for path in (CODE, OTHER, HEADER):
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_bytes(kernel.read(path))
    git(place, "init", "-q", str(repository))
    git(repository, "config", "user.name", "A")
    git(repository, "config", "user.email", "a@example.org")
    base = commit_all(repository)
    for subject, files, _ in STEPS:
        for path, text in files.items():
            with (repository / path).open("a", encoding="utf-8") as file:
                file.write(text)
        commit_all(repository, f"{subject}\n\nA fault that is to be found, or none.")
    git(repository, "format-patch", "-q", "-o", str(place / "series"), f"{base}..HEAD")
    return place / "series"


@pytest.mark.real
def test_each_fault_is_caught_by_its_check_and_in_its_commit(
    kernel_tree: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    series = mails(kernel_tree, tmp_path)
    ran = run(
        capsys, "verify", series, "--tree", kernel_tree, "--build", "--format", "json", "-o", "v"
    )
    document = json.loads((tmp_path / "v").read_text())
    found: dict[int, set[str]] = {}
    for one in document["results"]:
        if one["result"] == "failed":
            found.setdefault(one["commit"], set()).add(one["check"])
    assert found == {n: checks for n, (_, _, checks) in enumerate(STEPS, 1) if checks}
    assert ran.code == 1
