"""The debug patch goes where it should, and nowhere else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.verify.boot.patching import DebugPatch, with_hook
from convert.verify.boot.profile import BootProfile, Hook, HookPlace, Priming, read_hooks
from tests.verify.boot.test_compare import PROFILE

PLACE = HookPlace(file="mm/toy.c", function="free_it", code="check(&object)")
HEAD = "#include <linux/mm.h>\n#include <linux/slab.h>\n\n"
BODY = "{\n\tint kmem_convert_hook __maybe_unused = check(&object);\n"


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param("void free_it(const void *object)\n", id="plain"),
        pytest.param(
            "static void free_it(const void *object,\n\t\t    int more)\n", id="two lines"
        ),
        pytest.param("void\nfree_it(const void *object)\n", id="type on a line of its own"),
        pytest.param("void free_it(PARAMETERS(size, b), int node)\n", id="macro for parameters"),
        pytest.param("void free_it(int a)\n__releases(&lock)\n__acquires(&lock)\n", id="annotated"),
    ],
)
def test_a_hook_stands_at_the_start_of_its_function(definition: str) -> None:
    text = HEAD + f"void free_it(const void *object);\n\n{definition}{{\n\tother();\n}}\n"
    hooked = with_hook(text, PLACE)
    assert hooked is not None
    assert definition + BODY + "\tother();" in hooked
    assert hooked.count("kmem_convert_hook") == 1
    assert hooked.startswith(
        "#include <linux/mm.h>\n#include <linux/kmem_convert_debug.h>\n#include <linux/slab.h>"
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("void free_it(const void *object);\n", id="only declared"),
        pytest.param("void not_free_it(int a)\n{\n}\n", id="another name's end"),
        pytest.param("void f(void)\n{\n\tfree_it(object);\n}\n", id="only called"),
        pytest.param("#define free_it(x) \\\n\tdo { } while (0)\n", id="macro"),
        pytest.param(
            "void free_it(int a)\n{\n}\n\nvoid free_it(int b)\n{\n}\n", id="defined twice"
        ),
        pytest.param("struct x ops = { free_it(1) };\nint f(void)\n{\n}\n", id="initialiser"),
    ],
)
def test_no_hook_where_the_function_is_not_defined_once(text: str) -> None:
    assert with_hook(HEAD + text, PLACE) is None


FILES = {
    "lib/Makefile": "obj-y += toy.o\n",
    "mm/toy.c": HEAD + "void free_it(const void *object)\n{\n}\n",
    "fs/toy/super.c": "#include <linux/fs.h>\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    for name, text in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    git(place, "init", "--quiet")
    git(place, "add", ".")
    git(place, "-c", "user.name=T", "-c", "user.email=t@t", "commit", "--quiet", "-m", "base")
    return place


def git(place: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=place, check=True, capture_output=True, text=True
    ).stdout


def patch(tmp_path: Path, repository: Path, profile: BootProfile = PROFILE) -> DebugPatch:
    absent = HookPlace(file="mm/none.c", function="free_it", code="0")
    hooks = (
        Hook(name="found at its second place", place=(absent, PLACE)),
        Hook(name="not there", place=(absent,)),
    )
    made = DebugPatch(profile, hooks, tmp_path / "ours")
    made.open(repository)
    return made


def head(repository: Path) -> str:
    return git(repository, "rev-parse", "HEAD").strip()


def test_the_patch_is_a_tree_of_its_own(tmp_path: Path, repository: Path) -> None:
    before = sorted(path for path in repository.rglob("*") if path.is_file())
    made = patch(tmp_path, repository)
    patched = made.apply(head(repository))
    assert patched.missing == ("not there",)
    changed = git(made.repository, "diff", "--name-only", head(repository), patched.tree).split()
    assert changed == [
        "include/linux/kmem_convert_debug.h",
        "lib/Makefile",
        "lib/kmem_convert_debug.c",
        "mm/toy.c",
    ]
    assert before == sorted(path for path in repository.rglob("*") if path.is_file())


def test_the_same_commit_gives_the_same_tree(tmp_path: Path, repository: Path) -> None:
    made = patch(tmp_path, repository)
    assert made.apply(head(repository)) == made.apply(head(repository))


@pytest.mark.parametrize(
    ("paths", "without"),
    [
        pytest.param(("fs/toy",), True, id="the filesystem's own"),
        pytest.param(("fs/other", "fs/toy"), True, id="one of two"),
        pytest.param(("fs/other",), False, id="another's"),
    ],
)
def test_tracepoints_are_left_out_of_the_filesystem_alone(
    paths: tuple[str, ...], without: bool, tmp_path: Path, repository: Path
) -> None:
    (repository / "fs/toy/Makefile").write_text("obj-y += super.o")
    git(repository, "add", ".")
    who = ("-c", "user.name=T", "-c", "user.email=t@t")
    git(repository, *who, "commit", "--quiet", "-m", "with a Makefile")
    made = patch(tmp_path, repository, PROFILE.model_copy(update={"paths": paths}))
    tree = made.apply(head(repository)).tree
    changed = git(made.repository, "diff", "--name-only", head(repository), tree).split()
    assert ("fs/toy/Makefile" in changed) == without
    text = git(made.repository, "show", f"{tree}:fs/toy/Makefile")
    assert text.splitlines() == ["obj-y += super.o", *(["ccflags-y += -DNOTRACE"] * without)]
    assert "NOTRACE" not in git(made.repository, "show", f"{tree}:lib/Makefile")


def test_priming_takes_each_lock_inside_fs_reclaim(tmp_path: Path, repository: Path) -> None:
    lock = {
        "name": "the tree",
        "when": "toy->tree",
        "acquire": "mutex_lock(&toy->lock)",
        "release": "mutex_unlock(&toy->lock)",
        "reclaim": "shrink()",
        "source": "a.c:1",
    }
    prepare = ("struct toy *toy = TOY(sb);",)
    priming = Priming.model_validate({"file": "fs/toy/super.c", "prepare": prepare, "lock": [lock]})
    made = patch(tmp_path, repository, PROFILE.model_copy(update={"priming": priming}))
    tree = made.apply(head(repository)).tree
    text = git(made.repository, "show", f"{tree}:fs/toy/super.c")
    assert text.startswith(FILES["fs/toy/super.c"])
    assert (
        "\tif (toy->tree) {\n\t\tfs_reclaim_acquire(GFP_KERNEL);\n\t\tmutex_lock(&toy->lock);\n"
        "\t\tmutex_unlock(&toy->lock);\n\t\tfs_reclaim_release(GFP_KERNEL);\n\t}\n"
    ) in text
    assert '.filesystem = "toy",' in text


def test_an_extra_patch_is_part_of_the_tree(tmp_path: Path, repository: Path) -> None:
    extra = tmp_path / "extra.patch"
    extra.write_text(
        "--- a/fs/toy/super.c\n+++ b/fs/toy/super.c\n@@ -1 +1,2 @@\n"
        " #include <linux/fs.h>\n+int x;\n"
    )
    made = patch(tmp_path, repository)
    tree = made.apply(head(repository), (extra,)).tree
    assert git(made.repository, "show", f"{tree}:fs/toy/super.c").endswith("int x;\n")


def test_an_extra_patch_that_does_not_apply_is_named(tmp_path: Path, repository: Path) -> None:
    extra = tmp_path / "extra.patch"
    extra.write_text("--- a/fs/toy/none.c\n+++ b/fs/toy/none.c\n@@ -1 +1 @@\n-a\n+b\n")
    with pytest.raises(InputError, match=r"extra\.patch: does not apply to the commit: .*none\.c"):
        patch(tmp_path, repository).apply(head(repository), (extra,))


def test_a_tree_without_the_file_for_priming_is_refused(tmp_path: Path, repository: Path) -> None:
    profile = PROFILE.model_copy(update={"priming": Priming(file="fs/toy/none.c")})
    with pytest.raises(InputError, match=r"the kernel has no fs/toy/none\.c"):
        patch(tmp_path, repository, profile).apply(head(repository))


def test_a_directory_without_a_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="not a git repository"):
        patch(tmp_path, tmp_path / "none")


def test_the_hooks_that_come_with_the_tool_can_be_read() -> None:
    names = [hook.name for hook in read_hooks()]
    assert len(names) == len(set(names)) == 5
