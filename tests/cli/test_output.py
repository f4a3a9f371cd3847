"""Files of results: whole or untouched, whatever happens while they are made."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from tests.support import run

PATH = "fs/minfs"
EARLIER = "an earlier result\n"


@contextmanager
def _full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond some bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


COMMANDS = [
    pytest.param(["report", "--no-cache"], id="report-text"),
    pytest.param(["report", "--no-cache", "--format", "json"], id="report-json"),
    pytest.param(["inventory"], id="inventory-text"),
    pytest.param(["scopes", "--no-cache"], id="scopes-text"),
]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_full_disk_loses_nothing(
    words: list[str], plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out" / "result"
    output.parent.mkdir()
    output.write_text(EARLIER)
    command, *rest = words
    with _full_disk(100):
        ran = run(capsys, command, plain, PATH, *rest, "-o", output)
    assert ran.code == 2
    assert ran.err == f"kmem-convert: {output}: cannot be written: File too large\n"
    assert output.read_text() == EARLIER
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize("words", COMMANDS[1:3])
def test_a_file_holds_what_would_be_printed(
    words: list[str], plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *rest = words
    printed = run(capsys, command, plain, PATH, *rest)
    written = run(capsys, command, plain, PATH, *rest, "-o", tmp_path / "result")
    assert (written.code, written.out) == (printed.code, "")
    assert (tmp_path / "result").read_text().removesuffix("\n") == printed.out.removesuffix("\n")


@pytest.mark.parametrize(
    ("command", "printer"),
    [
        pytest.param("report", "convert.cli.reporting.render_text", id="report"),
        pytest.param("inventory", "convert.cli.facts.inventory_text", id="inventory"),
    ],
)
def test_control_c_while_printing_loses_nothing(
    command: str,
    printer: str,
    plain: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out" / "result"
    output.parent.mkdir()
    output.write_text(EARLIER)

    def interrupted(*given: object) -> None:
        (console,) = (one for one in given if isinstance(one, Console))
        console.print("the first line")
        console.file.flush()
        raise KeyboardInterrupt

    monkeypatch.setattr(printer, interrupted)
    ran = run(capsys, command, plain, PATH, "-o", output)
    assert ran.code == 130
    assert output.read_text() == EARLIER
    assert list(output.parent.iterdir()) == [output]


def test_a_symbolic_link_stays_one(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "result")
    run(capsys, "inventory", plain, PATH, "-o", link)
    assert link.is_symlink()
    assert (tmp_path / "there" / "result").read_text()


def test_a_pipe_is_written_to_and_stays(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(capsys, "inventory", plain, PATH, "-o", pipe).code == 0
        assert os.read(reader, 100)
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["report"], id="text"),
        pytest.param(["report", "--format", "json"], id="json"),
        pytest.param(["scopes"], id="scopes"),
        pytest.param(["assert"], id="assert"),
    ],
)
def test_a_directory_that_is_not_there_stops_before_the_work(
    words: list[str],
    plain: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(tree: str) -> None:
        raise AssertionError("the work was started")

    monkeypatch.setattr("convert.cli.options.open_tree", work)
    monkeypatch.setattr("convert.cli.scoping.open_tree", work)
    output = tmp_path / "none" / "result"
    command, *rest = words
    ran = run(capsys, command, plain, PATH, *rest, "-o", output)
    assert ran.code == 2
    assert ran.err == (
        f"kmem-convert: {output}: there is no directory {tmp_path / 'none'} to write it to\n"
    )
    assert not output.parent.exists()
