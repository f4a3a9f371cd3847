"""What the commands share: options, arguments, progress, exit codes, files of results."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from rich.console import Console

from convert import __version__
from convert.config import load_config
from convert.errors import InputError
from convert.pipeline import RECIPES, Options, Progress, make_plan
from convert.plan import Plan
from convert.rules.model import Refused
from convert.rules.simplify.stages import NAMES, chosen
from convert.series.model import Generator
from convert.tree.cache import cache_dir, write_atomic
from convert.tree.open import open_tree

_P = ParamSpec("_P")
_R = TypeVar("_R")

tree_argument = click.argument("tree")
paths_argument = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


def planning_options(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """The options that every planning command has."""
    for option in (
        click.option("--no-cache", is_flag=True, help="Read the tree's headers anew."),
        click.option(
            "--keep-nowarn/--drop-nowarn",
            default=None,
            help="Keep the __GFP_NOWARN that the wrappers always passed (default: drop it).",
        ),
        click.option(
            "--simplify",
            multiple=True,
            metavar="NAME[,NAME]",
            help=f"Further steps behind the conversion: {', '.join(NAMES)}, or all.",
        ),
        click.option("--prefix", help="Subject prefix of the commits, e.g. xfs."),
        click.option("--profile", help="Wrapper family (default: xfs)."),
        click.option(
            "--recipe",
            type=click.Choice(RECIPES),
            help="How to convert (default: exact: plain masks with the same contract; proven: also "
            "without GFP_NOFS where a nofs scope is proven to be open).",
        ),
    ):
        command = option(command)
    return command


def options_of(
    recipe: str | None,
    profile: str | None,
    prefix: str | None,
    keep_nowarn: bool | None,
    no_cache: bool,
    simplify: tuple[str, ...] = (),
) -> Options:
    """The command line's options over the configuration file's over the defaults."""
    config = load_config(Path.cwd())
    default = Options()
    return Options(
        recipe=recipe or config.recipe or default.recipe,
        profile=profile or config.profile or default.profile,
        prefix=prefix or config.prefix,
        keep_nowarn=bool(config.keep_nowarn if keep_nowarn is None else keep_nowarn),
        cache_dir=None if no_cache else cache_dir(),
        simplify=chosen(simplify or config.simplify),
    )


def plan_of(tree: str, paths: tuple[str, ...], options: Options) -> Plan:
    with progress_line() as progress:
        return make_plan(open_tree(tree), paths, options, progress)


@contextmanager
def progress_line() -> Iterator[Progress]:
    """A line on stderr that says what is being done; silent where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("starting") as status:
        yield status.update


def need_git() -> None:
    """Commits are made by git: say so before the work starts."""
    if shutil.which("git") is None:
        raise InputError("git is not installed, or not in PATH; install it to make commits")


def worth_it(plan: Plan) -> bool:
    """Whether there is anything to write; says so if not."""
    if plan.steps:
        return True
    refused = plan.counts().refused
    if refused:
        raise InputError(
            f"nothing can be converted: all {refused} sites that should change are refused; "
            "`kmem-convert report` says why"
        )
    click.echo("nothing to do")
    return False


def exit_code(plan: Plan) -> int:
    """1 if something was refused or could not be read, else 0."""
    refused = any(isinstance(planned.decision, Refused) for planned in plan.sites)
    return 1 if refused or plan.refusals else 0


def generator() -> Generator:
    command = shlex.join(["kmem-convert", *sys.argv[1:]])
    return Generator("kmem-convert", __version__, command)


def hand_out(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        write_atomic(output, text.encode("utf-8"))


def print_notes(notes: tuple[str, ...]) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)
