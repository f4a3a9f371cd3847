from __future__ import annotations

from pathlib import Path

import pytest

from convert.tree.cache import cache_dir, write_atomic


def test_writes_with_missing_directories(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a/b/file", b"one")
    write_atomic(tmp_path / "a/b/file", b"two\0")
    assert (tmp_path / "a/b/file").read_bytes() == b"two\0"
    assert list((tmp_path / "a/b").iterdir()) == [tmp_path / "a/b/file"]


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(OSError(28, "No space left on device"), id="disk full"),
        pytest.param(KeyboardInterrupt(), id="Ctrl-C"),
    ],
)
def test_failure_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    write_atomic(tmp_path / "file", b"old")

    def fail(self: Path, target: Path) -> Path:
        raise failure

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(type(failure)):
        write_atomic(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "kmem-convert"
    assert not cache_dir().exists()


def test_permissions_are_those_that_the_user_would_give(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_atomic(tmp_path / "new", b"one")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "new").chmod(0o640)
    write_atomic(tmp_path / "new", b"two")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
