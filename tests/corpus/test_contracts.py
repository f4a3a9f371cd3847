"""The contract tables say what compiled C does: each call is run with an allocator that watches."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.corpus.cases import CORPUS, MINIKERNEL
from tests.corpus.contracts import CONTRACTS, FamilyContracts, load_contracts, read_contracts

FAMILIES = load_contracts()
HISTORY = CORPUS / "history"


def program(family: FamilyContracts) -> str:
    """C that prints the promises of every call, one line each."""
    lines = [
        f'#include "{CORPUS / family.header}"',
        f'#include "{CONTRACTS / "harness.h"}"',
        "static struct kmem_cache cache = { .size = 64 };",
        "static __maybe_unused struct kmem_cache *zone = &cache;",
        "static __maybe_unused size_t got;",
    ]
    if family.name == "minfs":
        lines.append("void minfs_err(const void *mp, const char *fmt, ...) { }")
    if family.name == "f2fs":
        lines.append("static struct f2fs_sb_info sbi;")
    for number, promise in enumerate(family.promises):
        lines.append(f"static void *call_{number}(void) {{ return {promise.call}; }}")
    lines.append("int main(void)\n{")
    for number, promise in enumerate(family.promises):
        lines.append(f"\tshow(call_{number}, {promise.context});")
    return "\n".join([*lines, "\treturn 0;", "}", ""])


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("family", [pytest.param(f, id=f.name) for f in FAMILIES])
def test_calls_keep_their_promises(tmp_path: Path, family: FamilyContracts) -> None:
    main = tmp_path / "main.c"
    main.write_text(program(family))
    include = MINIKERNEL / "include"
    command = ["gcc", "-std=gnu11", "-O1", "-w", "-ffreestanding", "-nostdinc"]
    command += ["-I", str(include), "-include", str(include / "linux" / "kconfig.h")]
    command += ["-I", str(MINIKERNEL / "fs/minfs"), "-I", str(MINIKERNEL / "fs/minfs/libminfs")]
    command += ["-DCONFIG_LOCKDEP=1", "-o", str(tmp_path / "main"), str(main)]
    subprocess.run([*command, str(CORPUS / family.source)], check=True, capture_output=True)
    done = subprocess.run([tmp_path / "main"], check=True, capture_output=True, text=True)
    found = [line.strip() for line in done.stdout.splitlines()]
    told = zip(family.promises, found, strict=True)
    wrong = [(p.call, p.context, p.words, words) for p, words in told if p.words != words]
    assert not wrong


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("source", sorted(p.name for p in HISTORY.iterdir()))
@pytest.mark.parametrize("options", [(), ("-DCONFIG_F2FS_FAULT_INJECTION=1",)], ids=["off", "on"])
def test_history_compiles_clean(source: str, options: tuple[str, ...]) -> None:
    include = MINIKERNEL / "include"
    command = ["gcc", "-std=gnu11", "-O1", "-Wall", "-Werror", "-ffreestanding", "-nostdinc"]
    command += ["-I", str(include), "-include", str(include / "linux" / "kconfig.h"), *options]
    for path in sorted((HISTORY / source).glob("*.c")):
        done = subprocess.run(
            [*command, "-fsyntax-only", str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_every_family_has_contracts() -> None:
    assert {f.name for f in FAMILIES} == {"minfs", *(p.name for p in HISTORY.iterdir())}


def test_every_combination_of_minfs_flags_is_there() -> None:
    minfs = next(family for family in FAMILIES if family.name == "minfs")
    assert len({p.call for p in minfs.promises if p.context == "0"}) == 2 * 2**4


def test_unknown_promise_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('header = "h"\nsource = "c"\ncontracts = [{ call = "f()", promises = ["x"] }]')
    with pytest.raises(ValueError, match="no promise is called x"):
        read_contracts(path)
