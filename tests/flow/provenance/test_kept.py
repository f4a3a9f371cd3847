"""Facts of files that are kept between runs: used for the same text under the same names only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from convert.flow.code import FunctionKey
from convert.flow.provenance.facts import FileFacts, file_facts
from convert.flow.provenance.load import index_of
from convert.flow.provenance.names import Names, load_names
from convert.sites.sources import Sources
from convert.source.parse import ParsedFile
from convert.source.vocabulary import Dialect
from convert.tree.directory import DirectoryTree
from convert.tree.store import Store

A = "void *make(int n)\n{\n\treturn my_alloc(n);\n}\n"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose facts are read, not taken from the cache."""
    paths: list[str] = []

    def noted(parsed: ParsedFile, names: Names) -> FileFacts:
        paths.append(parsed.source.path)
        return file_facts(parsed, names)

    monkeypatch.setattr("convert.flow.provenance.load.file_facts", noted)
    return paths


@pytest.fixture
def kept(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def sources(root: Path, kept: Store, dialect: Dialect | None = None, text: str = A) -> Sources:
    (root / "fs").mkdir(exist_ok=True)
    (root / "fs" / "a.c").write_text(text)
    return Sources(DirectoryTree(root, "tree"), ["fs"], lambda: dialect or Dialect(), kept)


def own(names: Names) -> Names:
    return names.extended({"my_alloc": "kmalloc"}, {})


def other_kernel(names: Names) -> Names:
    facts = names.kernel.model_copy(update={"store": names.kernel.store[:-1]})
    return replace(names, kernel=facts)


def other_facts(names: Names) -> Names:
    return replace(names, facts=names.facts.model_copy(update={"free": names.facts.free[:-1]}))


@pytest.mark.parametrize(
    ("change", "again"),
    [
        pytest.param(lambda names: names, False, id="the same"),
        pytest.param(lambda names: names.extended({}, {}), False, id="extended by nothing"),
        pytest.param(own, True, id="an allocator more"),
        pytest.param(lambda names: names.extended({}, {"f": 0}), True, id="a free more"),
        pytest.param(other_kernel, True, id="a mask that is stored"),
        pytest.param(other_facts, True, id="a fact about frees"),
    ],
)
def test_facts_belong_to_names(
    change: Callable[[Names], Names], again: bool, tmp_path: Path, kept: Store, read: list[str]
) -> None:
    names = load_names()
    index_of(sources(tmp_path, kept), names)
    assert read == ["fs/a.c"]
    found = index_of(sources(tmp_path, kept), change(names))
    assert read == ["fs/a.c"] * (1 + again)
    (function,) = found.definitions[FunctionKey("", "make")]
    assert function.flows.moves


@pytest.mark.parametrize(
    ("dialect", "text", "again"),
    [
        pytest.param(Dialect(), A, False, id="the same"),
        pytest.param(Dialect(local={"fs/xfs": Dialect()}), A, False, id="words of others"),
        pytest.param(Dialect(typedefs=frozenset({"n"})), A, True, id="a type more"),
        pytest.param(Dialect(loop_macros=frozenset({"n"})), A, True, id="a loop more"),
        pytest.param(Dialect(), A + "\n", True, id="a line more"),
    ],
)
def test_facts_belong_to_text_and_words(
    dialect: Dialect, text: str, again: bool, tmp_path: Path, kept: Store, read: list[str]
) -> None:
    index_of(sources(tmp_path, kept), load_names())
    index_of(sources(tmp_path, kept, dialect, text), load_names())
    assert len(read) == 1 + again


def test_a_file_that_cannot_be_read_is_not_kept(
    tmp_path: Path, kept: Store, read: list[str]
) -> None:
    found = index_of(sources(tmp_path, kept, text="int f; /* no end"), load_names())
    assert "f" in found.files["fs/a.c"].unread
    assert kept.directory is not None
    assert not kept.directory.exists()
    assert read == []


def test_without_a_cache_all_is_read(tmp_path: Path, read: list[str]) -> None:
    for _ in range(2):
        index_of(sources(tmp_path, Store(None)), load_names())
    assert len(read) == 2
