"""A second process that fills the cache: what it reads is the same, and it never outlives us."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from convert.flow.provenance import ahead
from convert.flow.provenance.ahead import Work, fill, reading_ahead
from convert.flow.provenance.load import index_of, keys_of
from convert.flow.provenance.names import load_names
from convert.sites.sources import Sources
from convert.source.vocabulary import Dialect
from convert.tree.directory import DirectoryTree
from convert.tree.store import Store, running_code

FILES: Mapping[str, str] = {
    "fs/a.c": "void *make(int n)\n{\n\treturn kmalloc(n, GFP_KERNEL);\n}\n",
    "fs/b.c": "void drop(struct thing *t)\n{\n\tkfree(t->name);\n}\n",
    "fs/broken.c": "int f; /* no end",
    "fs/thing.h": "struct thing {\n\tchar *name;\n};\n",
}


def sources(root: Path, kept: Store) -> Sources:
    for path, text in FILES.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    words = Dialect(typedefs=frozenset({"gfp_t"}))
    return Sources(DirectoryTree(root, "tree"), ["fs"], lambda: words, kept)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    found: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def noted(*given: Any, **named: Any) -> subprocess.Popen[bytes]:
        found.append(popen(*given, **named))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return found


def test_it_reads_what_we_would_read(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = load_names()
    files = sources(tmp_path, Store(tmp_path / "cache"))
    keys = keys_of(files, names)
    readable = [key for path, key in keys.items() if path != "fs/broken.c"]
    with reading_ahead(files, names, least=0):
        (process,) = started
        assert process.wait(timeout=60) == 0
    assert all(files.kept.has(key) for key in readable)
    assert not files.kept.has(keys["fs/broken.c"])
    alone = index_of(sources(tmp_path, Store(None)), names)
    monkeypatch.setattr("convert.flow.provenance.load.file_facts", None)  # all is in the cache
    assert index_of(files, names) == alone


@pytest.mark.parametrize(
    ("cache", "processors", "least", "known"),
    [
        pytest.param(False, 2, 0, False, id="no cache"),
        pytest.param(True, 1, 0, False, id="one processor"),
        pytest.param(True, 2, 1000, False, id="too little to read"),
        pytest.param(True, 2, 1, True, id="all is known"),
    ],
)
def test_it_is_not_always_worth_it(
    cache: bool,
    processors: int,
    least: int,
    known: bool,
    tmp_path: Path,
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    files = sources(tmp_path, Store(tmp_path / "cache" if cache else None))
    if known:
        (tmp_path / "fs/broken.c").unlink()
        files = Sources(files.tree, ["fs"], files.tables, files.kept)
        index_of(files, load_names())
    with reading_ahead(files, load_names(), least=least):
        pass
    assert started == []


@pytest.mark.parametrize("fails", [False, True], ids=["done", "interrupted"])
def test_it_ends_when_we_are_done(
    fails: bool, tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    files = sources(tmp_path, Store(tmp_path / "cache"))
    try:
        with reading_ahead(files, load_names(), least=0):
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    (process,) = started
    assert process.returncode is not None


def test_another_state_of_the_code_fills_nothing(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    file = ("fs/a.c", FILES["fs/a.c"].encode(), "k")
    fill(Work("other code", kept, Dialect(), load_names(), (file,)))
    assert not kept.has("k")
    fill(Work(running_code(), kept, Dialect(), load_names(), (file,)))
    assert kept.has("k")


def test_what_is_there_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Store(tmp_path)
    kept.save("k", None)
    monkeypatch.setattr(ahead, "parse_file", None)
    file = ("fs/a.c", FILES["fs/a.c"].encode(), "k")
    fill(Work(running_code(), kept, Dialect(), load_names(), (file,)))
