"""Objects that are kept between runs, and files that are not what was written."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.sites.model import SiteKind
from convert.source.edits import Span
from convert.tree import store
from convert.tree.store import Store, code_digest, key_of

VALUE = {"a": (Span(1, 2), frozenset({"x"}), None), "b": (SiteKind.ALLOC,)}
KEY = "k"


def entry(directory: Path) -> Path:
    (file,) = directory.iterdir()
    return file


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    kept = Store(tmp_path / "new")
    assert kept.load(KEY) is None
    kept.save(KEY, VALUE)
    assert kept.load(KEY) == VALUE
    assert kept.load("other") is None


def test_without_a_directory_nothing_is_kept() -> None:
    kept = Store(None)
    kept.save(KEY, VALUE)
    kept.prune()
    assert kept.load(KEY) is None


def flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[:10], id="cut in its head"),
        pytest.param(lambda data: data[:-1], id="cut at its end"),
        pytest.param(lambda data: data[: len(data) // 2], id="cut in the middle"),
        pytest.param(lambda data: data + b"\0", id="longer"),
        pytest.param(flipped, id="one bit"),
        pytest.param(lambda data: b"X" + data[1:], id="another format"),
        pytest.param(lambda data: pickle.dumps(VALUE), id="a bare pickle"),
    ],
)
def test_a_damaged_entry_is_not_used(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    kept = Store(tmp_path)
    kept.save(KEY, VALUE)
    file = entry(tmp_path)
    file.write_bytes(damage(file.read_bytes()))
    assert kept.load(KEY) is None
    kept.save(KEY, VALUE)
    assert kept.load(KEY) == VALUE


class Runs:
    """Runs a program when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.mark),))


class RunsOurs:
    """Calls a function of this project when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (code_digest, ([],))


@pytest.mark.parametrize("ours", [False, True], ids=["foreign function", "own function"])
def test_an_entry_made_by_others_runs_nothing(ours: bool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    payload = pickle.dumps(RunsOurs() if ours else Runs(mark))
    kept = Store(tmp_path / "kept")
    kept.save(KEY, VALUE)
    head = entry(tmp_path / "kept").read_bytes().split(b"\n")[0] + b"\n"
    entry(tmp_path / "kept").write_bytes(head + hashlib.sha256(payload).digest() + payload)
    assert kept.load(KEY) is None
    assert not mark.exists()


def test_a_full_disk_only_costs_the_entry(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Store(tmp_path / "file")  # no directory can be made there
    kept.save(KEY, VALUE)
    assert kept.load(KEY) is None


def test_unused_entries_go(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    kept.save("old", VALUE)
    kept.save("used", VALUE)
    (tmp_path / "dialect-0.json").touch()
    for file in tmp_path.iterdir():
        os.utime(file, (0, time.time() - 61 * 86400))
    assert kept.load("used") == VALUE
    kept.prune()
    assert kept.load("old") is None
    assert kept.load("used") == VALUE
    assert (tmp_path / "dialect-0.json").exists()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param(("a", "b"), ("b", "a"), id="order"),
        pytest.param(("ab", "c"), ("a", "bc"), id="borders"),
        pytest.param(("a", ""), ("a",), id="an empty part"),
        pytest.param(("a",), ("A",), id="case"),
    ],
)
def test_keys_differ(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    assert key_of(*left) == key_of(*left)
    assert key_of(*left) != key_of(*right)


def test_keys_depend_on_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of("a")
    monkeypatch.setattr(store, "running_code", lambda: "other code")
    assert key_of("a") != before


def test_the_code_is_all_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.py").write_text("1")
    (tmp_path / "names.toml").write_text("2")
    monkeypatch.setattr(store, "files", lambda package: tmp_path)
    found = {code_digest(["."])}
    (tmp_path / "rules" / "a.py").write_text("3")
    found.add(code_digest(["."]))
    (tmp_path / "names.toml").write_text("4")
    found.add(code_digest(["."]))
    (tmp_path / "rules" / "b.py").write_text("")
    found.add(code_digest(["."]))
    assert len(found) == 4
