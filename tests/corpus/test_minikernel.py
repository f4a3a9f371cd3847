"""The mini kernel compiles, runs, and shows what the conversion has to cope with."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus.cases import CORPUS, MINIKERNEL

needs_gcc = pytest.mark.skipif(
    shutil.which("gcc") is None or shutil.which("make") is None, reason="needs gcc and make"
)

MINFS = MINIKERNEL / "fs" / "minfs"


def sources(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*.[ch]")):
        if "build" not in path.relative_to(folder).parts:
            yield path, path.read_text(encoding="utf-8")


def callers() -> str:
    """All of minfs but the wrappers themselves."""
    return "".join(text for path, text in sources(MINFS) if path.stem != "kmem")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mini kernel as a program, with all options."""
    out = tmp_path_factory.mktemp("minikernel")
    subprocess.run(
        ["make", "-C", str(MINIKERNEL), f"O={out}"], check=True, capture_output=True, text=True
    )
    return out / "minfs_test"


def run(program: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *options], capture_output=True, text=True, check=False)


@needs_gcc
def test_check_compiles_and_runs_both_configurations(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "-C", str(MINIKERNEL), "check", f"O={tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines().count("ok") == 2


@needs_gcc
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--blocksize", "512"), id="small-blocks"),
        pytest.param(("--blocksize", "4096"), id="large-blocks"),
        pytest.param(("--reclaim", "1"), id="always-reclaim"),
        pytest.param(("--reclaim", "1", "--blocksize", "512"), id="always-reclaim-small-blocks"),
        pytest.param(("--fail", "4"), id="may-fail-fails"),
        pytest.param(("--retry", "3"), id="plain-requests-fail"),
    ],
)
def test_program_survives(program: Path, options: tuple[str, ...]) -> None:
    done = run(program, *options)
    assert done.returncode == 0, done.stdout[-500:]
    assert done.stdout.endswith("ok\n")


@needs_gcc
def test_reclaim_evicts_inodes(program: Path) -> None:
    found = re.search(r"(\d+) inodes evicted", run(program, "--reclaim", "1").stdout)
    assert found and int(found.group(1)) > 50


@needs_gcc
@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        pytest.param(
            "fs/minfs/minfs_dquot.c",
            "INIT_RADIX_TREE(&qi->qi_tree, GFP_NOFS)",
            "INIT_RADIX_TREE(&qi->qi_tree, GFP_KERNEL)",
            "minfs_qm_shrink_scan waits for a lock",
            id="stored-mask-under-a-lock-that-reclaim-takes",
        ),
        pytest.param(
            "fs/minfs/minfs_log_cil.c",
            "kmem_zalloc(sizeof(*ctx), KM_NOFS)",
            "kmem_zalloc(sizeof(*ctx), 0)",
            "deadlock",
            id="worker-that-reclaim-waits-for",
        ),
        pytest.param(
            "include/linux/sched/mm.h",
            "current->flags |= PF_MEMALLOC_NOFS;",
            ";",
            "BUG_ON(current->journal_info)",
            id="transaction-without-scope",
        ),
        pytest.param(
            "fs/minfs/minfs_ioctl.c",
            "\tkmem_free(out);",
            "\tkfree(out);",
            "BUG_ON(is_vmalloc_addr(objp))",
            id="vmalloc-memory-given-to-kfree",
        ),
        pytest.param(
            "fs/minfs/scrub/bitmap.c",
            "\t\tkmem_free(range);",
            "\t\t(void)range;",
            "memory in use",
            id="leak",
        ),
    ],
)
def test_program_finds_seeded_defects(
    tmp_path: Path, path: str, old: str, new: str, message: str
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(MINIKERNEL, tree, ignore=shutil.ignore_patterns("build"))
    text = (tree / path).read_text()
    assert text.count(old) == 1
    (tree / path).write_text(text.replace(old, new))
    subprocess.run(["make", "-C", str(tree)], check=True, capture_output=True, text=True)
    done = run(tree / "build" / "minfs_test", "--reclaim", "1")
    assert done.returncode != 0
    assert message in done.stdout


@needs_gcc
def test_trace_tells_what_masks_allow(program: Path) -> None:
    lines = set(run(program, "--trace").stdout.splitlines())
    words = {word for line in lines if line.startswith("kmalloc ") for word in line.split()[2:]}
    assert words == {"io", "fs", "zero", "mayfail", "nolockdep"}


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"kmem_alloc\([^;]*, 0\)", id="no-flags"),
        pytest.param(r"kmem_alloc\([^;]*, KM_ZERO\)", id="zero-flag-to-kmem_alloc"),
        pytest.param(r"minfs_km_flags_t\t+\w+ = KM_NOFS;", id="flag-variable"),
        pytest.param(r"\w+ \|= KM_ZERO;", id="flag-added"),
        pytest.param(r"minfs_km_flags_t\s+\w+\)", id="parameter"),
        pytest.param(r"\w+ \? 0 : KM_NOFS", id="conditional-expression"),
        pytest.param(r"\*\)kmem_zalloc\(", id="cast-of-the-result"),
        pytest.param(r"kmem_free\(\(void \*\)", id="cast-in-a-free"),
        pytest.param(r"#define \w+\(size\)\tkmem_zalloc", id="macro-body"),
        pytest.param(r"= kmem_zalloc\(sizeof\(type\), KM_NOFS\); \\", id="continued-macro"),
        pytest.param(r"\t+\*new = kmem_zalloc", id="declaration-initialiser"),
        pytest.param(r"\w+ = \w+ = kmem_alloc\(", id="chained-assignment"),
        pytest.param(r"if \(!\(\w+ = kmem_zalloc\(", id="assignment-in-condition"),
        pytest.param(r"KM_NOFS \| KM_NOLOCKDEP", id="nolockdep"),
        pytest.param(r"\w+ \| KM_ZERO\)", id="flag-or-ed-to-a-parameter"),
        pytest.param(r"kmem_zalloc\(sizeof[^;]*,\n\t+ +KM_MAYFAIL\)", id="aligned-continuation"),
        pytest.param(r"kmem_zalloc\([^;]*,\n\t+KM_NOFS\)", id="tab-continuation"),
        pytest.param(r"kmem_zalloc\(\n", id="all-arguments-below"),
        pytest.param(r"\* .*\bkmem_alloc\(\)", id="comment-naming-a-wrapper"),
        pytest.param(r"\* .*\bKM_NOFS\b", id="comment-naming-a-flag"),
        pytest.param(r"kmem_to_page\(", id="helper"),
        pytest.param(r"GFP_NOFS \| __GFP_NOFAIL", id="direct-nofs"),
        pytest.param(r"INIT_RADIX_TREE\([^;]*GFP_NOFS\)", id="stored-mask"),
        pytest.param(r"mapping_set_gfp_mask\([^;]*GFP_NOFS\)", id="mask-of-a-mapping"),
        pytest.param(r"memalloc_nofs_save\(\)", id="scope"),
        pytest.param(r"kvcalloc\(", id="kvmalloc-memory"),
        pytest.param(r"#ifdef CONFIG_\w+\n[^#]*kmem_(z?alloc|free)\(", id="configuration"),
    ],
)
def test_minfs_shows(pattern: str) -> None:
    assert re.search(pattern, callers())


def test_wrappers_have_their_parts() -> None:
    makefile = (MINFS / "Makefile").read_text()
    assert "kmem.o" in makefile
    assert "DEFINE_KMEM_EVENT(kmem_alloc);" in (MINFS / "minfs_trace.h").read_text()
    assert '#include "kmem.h"' in (MINFS / "minfs_linux.h").read_text()
    documentation = MINIKERNEL / "Documentation" / "filesystems" / "minfs.rst"
    assert "kmem_alloc" in documentation.read_text()


def test_a_call_ends_near_the_80th_column() -> None:
    lines = [line.expandtabs(8) for line in callers().splitlines()]
    widths = [len(line) for line in lines if re.search(r"kmem_z?alloc\(.*\);", line)]
    assert max(widths) in range(75, 81)


@pytest.mark.parametrize("folder", ["minikernel", "history", "cases"])
def test_every_source_carries_the_licence(folder: str) -> None:
    for path in (CORPUS / folder).rglob("*.[ch]"):
        if "build" in path.relative_to(CORPUS).parts:
            continue
        with path.open("rb") as file:
            assert b"SPDX-License-Identifier: MIT" in file.readline(), path


def test_nothing_is_built_in_the_tree() -> None:
    """Objects go to a directory that git ignores."""
    assert "/build/" in (MINIKERNEL / ".gitignore").read_text().split()
    built = [p for p in MINIKERNEL.rglob("*.o") if "build" not in p.relative_to(MINIKERNEL).parts]
    assert not built
    assert not any(path.is_symlink() for path in MINIKERNEL.rglob("*"))


def test_minfs_keeps_to_80_columns() -> None:
    wide = [
        f"{path.name}:{number}"
        for path, text in sources(MINFS)
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line.expandtabs(8)) > 80
    ]
    assert not wide
