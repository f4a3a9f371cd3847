from __future__ import annotations

import errno
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.series.publish import check_output, publish
from tests.tree.repos import contents

FILES = {"0000-cover-letter.patch": b"cover\n", "0001-a.patch": b"one\r\n"}
OLD = {"0000-cover-letter.patch": b"old cover\n", "0001-old.patch": b"old\n"}


def write(directory: Path, files: dict[str, bytes]) -> None:
    directory.mkdir(parents=True)
    for name, data in files.items():
        (directory / name).write_bytes(data)


def data_of(directory: Path) -> dict[str, bytes]:
    return {name: data for name, (_, data) in contents(directory).items()}


@pytest.mark.parametrize("name", ["out", "a/b/out", "out/"])
def test_a_new_directory(tmp_path: Path, name: str) -> None:
    check_output(tmp_path / name, force=False)
    publish(FILES, tmp_path / name)
    assert data_of(tmp_path / name) == FILES
    assert (tmp_path / name).stat().st_mode & 0o077


def test_a_relative_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    publish(FILES, Path("out"))
    assert data_of(tmp_path / "out") == FILES


def test_an_empty_directory_stays_the_same_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o700)
    before = out.stat().st_ino
    check_output(out, force=False)
    publish(FILES, out)
    assert data_of(out) == FILES
    assert (out.stat().st_ino, out.stat().st_mode & 0o777) == (before, 0o700)


def test_an_earlier_series_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "out", OLD)
    check_output(tmp_path / "out", force=True)
    publish(FILES, tmp_path / "out")
    assert data_of(tmp_path / "out") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    publish(FILES, tmp_path / "out")
    assert data_of(tmp_path / "real") == FILES


@pytest.mark.parametrize(
    ("present", "force", "reason"),
    [
        pytest.param({"x.txt": b""}, False, r"not empty \(x\.txt\)", id="something"),
        pytest.param(OLD, False, "say --force to replace", id="an earlier series"),
        pytest.param({"x.txt": b""}, True, r"holds x\.txt, which is no mail", id="no series"),
        pytest.param({**OLD, "y": b""}, True, "holds y, which", id="a series and more"),
    ],
)
def test_directories_in_use(
    tmp_path: Path, present: dict[str, bytes], force: bool, reason: str
) -> None:
    write(tmp_path / "out", present)
    with pytest.raises(InputError, match=reason):
        check_output(tmp_path / "out", force)
    assert data_of(tmp_path / "out") == present


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(InputError, match="not a directory"):
        check_output(tmp_path / "out", force=True)


def test_a_file_in_place_of_the_parent(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"a/out: cannot be written: \S+/a is not a dir"):
        publish(FILES, tmp_path / "a/out")


def test_a_read_only_place() -> None:
    """/proc refuses even root."""
    with pytest.raises(InputError, match=r"^/proc/kmem-convert/out: cannot be written: "):
        publish(FILES, Path("/proc/kmem-convert/out"))


FAILURES = [
    pytest.param(OSError(errno.ENOSPC, "No space left on device"), InputError, id="disk full"),
    pytest.param(OSError(errno.EROFS, "Read-only file system"), InputError, id="read-only"),
    pytest.param(KeyboardInterrupt(), KeyboardInterrupt, id="Ctrl-C"),
]


def failing(
    monkeypatch: pytest.MonkeyPatch, method: str, at: int, failure: BaseException, late: bool
) -> None:
    """Let the n-th call of a method of Path fail, before or after it has done its work."""
    real = getattr(Path, method)
    calls = iter(range(1000))

    def fail(self: Path, *arguments: object) -> object:
        if next(calls) != at:
            return real(self, *arguments)
        if late:
            real(self, *arguments)
        raise failure

    monkeypatch.setattr(Path, method, fail)


@pytest.mark.parametrize(("failure", "raised"), FAILURES)
@pytest.mark.parametrize(
    ("method", "at"),
    [
        pytest.param("write_bytes", 0, id="first file"),
        pytest.param("write_bytes", 1, id="second file"),
        pytest.param("rename", 0, id="renaming"),
    ],
)
def test_failure_leaves_no_directory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    raised: type[BaseException],
    method: str,
    at: int,
) -> None:
    failing(monkeypatch, method, at, failure, late=False)
    with pytest.raises(raised):
        publish(FILES, tmp_path / "a/out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("failure", "raised"), FAILURES)
@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_failure_brings_the_old_series_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    raised: type[BaseException],
    at: int,
    late: bool,
) -> None:
    """Two files go out and two come in; whichever renaming fails, the old ones are there again."""
    write(tmp_path / "out", OLD)
    failing(monkeypatch, "rename", at, failure, late)
    with pytest.raises(raised):
        publish(FILES, tmp_path / "out")
    assert data_of(tmp_path / "out") == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_reason_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "write_bytes", 0, OSError(errno.ENOSPC, "No space left on device"), False)
    with pytest.raises(InputError) as caught:
        publish(FILES, tmp_path / "out")
    assert str(caught.value) == f"{tmp_path}/out: cannot be written: No space left on device"
