"""The command that builds and checks a finished series, commit by commit."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from convert import __version__
from convert.cli.committing import series as series_command
from convert.cli.options import (
    hand_out_as,
    need_git,
    output_option,
    planning_choice,
    progress_line,
)
from convert.errors import InputError
from convert.planned import make_plan
from convert.series.model import changed_files
from convert.tree.cache import cache_dir
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree
from convert.verify.booting import booter
from convert.verify.checks_model import VerifyResult
from convert.verify.configurations import read_fragment
from convert.verify.cover import update_cover
from convert.verify.report import verify_json, verify_text
from convert.verify.run import VerifyOptions, verify_series
from convert.verify.same import COVER

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--tree", required=True, help="The tree that the series applies to.")
@click.option("--build", is_flag=True, help="Compile every commit, with W=1 and sparse.")
@click.option("--boot", is_flag=True, help="Boot the result (User-Mode Linux) and exercise it.")
@click.option(
    "--config",
    "fragments",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Build under defconfig with this configuration fragment, not under the two that are found;"
    " may be repeated.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Things at a time (default: all cores).")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@output_option
@click.option(
    "--update-cover", "cover", is_flag=True, help="Write the table into DIR's cover letter."
)
@click.option(
    "--work",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep sources and objects there between runs (some GB); by default they go.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also every note (text).")
@click.option("--no-cache", is_flag=True, help="Check everything anew.")
def verify(
    directory: Path,
    tree: str,
    build: bool,
    boot: bool,
    fragments: tuple[Path, ...],
    jobs: int | None,
    form: str,
    output: Path | None,
    cover: bool,
    work: Path | None,
    verbose: bool,
    no_cache: bool,
) -> None:
    """Apply, build and check a series commit by commit, beside the tree; say what was shown.

    DIR holds the mails of a series, the tool's own or any other. TREE is only read. What a commit
    adds is held against it, not what was there before.
    """
    need_git()
    if cover and not (directory / COVER).is_file():
        raise InputError(f"{directory / COVER}: no cover letter to write into")
    options = VerifyOptions(
        scratch=cache_dir() / "verify" / "work",
        build=build,
        configs=tuple(read_fragment(file) for file in fragments),
        boot=booter(None if no_cache else cache_dir()) if boot else None,
        jobs=jobs or os.cpu_count() or 1,
        cache=None if no_cache else cache_dir(),
        work=work,
    )
    regenerated = partial(_regenerated, anew=no_cache)
    with _cleaning_up(), progress_line() as progress:
        found = verify_series(directory, open_tree(tree), options, regenerated, progress)
    if cover:
        _cover(directory, found)
    documents = {"json": lambda: verify_json(found, __version__)}
    hand_out_as(form, documents, lambda page: verify_text(found, page, verbose), output)
    sys.exit(found.exit_code)


def _cover(directory: Path, found: VerifyResult) -> None:
    click.echo(f"written into {update_cover(directory, found)}", err=True)


@contextmanager
def _cleaning_up() -> Iterator[None]:
    """Turn the signals that end a process into an exception, so that everything is cleaned up."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        for other in _SIGNALS:  # a second one must not cut the clean-up short
            signal.signal(other, signal.SIG_IGN)
        click.echo("kmem-convert: terminated; nothing was written", err=True)
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _regenerated(
    words: Sequence[str], tree: KernelTree, *, anew: bool
) -> Mapping[str, bytes | None]:
    """Plans what a command line of `series` would write for a tree; nothing is run or written.

    anew: without the cache, whatever the command line says.
    """
    command, *rest = words[1:]
    if command != series_command.name:
        raise InputError(f"the cover letter names the command {command}, not series")
    try:
        given = series_command.make_context("series", rest, resilient_parsing=False).params
    except click.ClickException as error:
        raise InputError(f"the cover letter's command: {error.format_message()}") from error
    options = planning_choice(given)
    plan = make_plan(tree, given["paths"], replace(options, cache_dir=None) if anew else options)
    result: dict[str, bytes | None] = {}
    for step in plan.steps:
        result |= changed_files(plan, step)
    return result
