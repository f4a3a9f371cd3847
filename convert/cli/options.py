"""What the commands share: options, arguments, progress, exit codes, files of results."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from convert import __version__
from convert.choices import (
    LARGE_SIZES,
    NOFAIL_FAILING,
    NOFAIL_SCOPES,
    RECIPES,
    SIMPLIFICATIONS,
    Options,
    simplifications,
)
from convert.config import load_config
from convert.errors import InputError
from convert.plan import Plan
from convert.planned import make_plan
from convert.progress import Progress, silent
from convert.report.console import report_console
from convert.rules.model import Refused
from convert.series.model import Generator
from convert.tree.cache import cache_dir, write_atomic
from convert.tree.open import open_tree

_R = TypeVar("_R")

tree_argument = click.argument("tree")
paths_argument = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


def output_option(command: Callable[..., _R]) -> Callable[..., _R]:
    """The option for the file that a result goes to."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_in_a_directory,
    )(command)


def _in_a_directory(context: click.Context, option: click.Parameter, path: Path | None) -> object:
    """Refuse a file that cannot be made before the work starts, not behind it."""
    if path is not None and not path.parent.is_dir():
        raise InputError(f"{path}: there is no directory {path.parent} to write it to")
    return path


def planning_options(command: Callable[..., _R]) -> Callable[..., _R]:
    """The options that every planning command has; it gets them as one ``options: Options``."""

    @wraps(command)
    def planned(**given: Any) -> _R:
        options = planning_choice(given)
        others = {name: value for name, value in given.items() if name not in _PLANNING}
        return command(**others, options=options)

    for option in (
        click.option("--no-cache", is_flag=True, help="Use and keep nothing of other runs."),
        click.option(
            "--keep-nowarn/--drop-nowarn",
            default=None,
            help="Keep the __GFP_NOWARN that the wrappers always passed (default: drop it).",
        ),
        click.option(
            "--simplify",
            multiple=True,
            metavar="NAME[,NAME]",
            help=f"Further steps behind the conversion: {', '.join(SIMPLIFICATIONS)}, or all.",
        ),
        click.option(
            "--large-sizes",
            type=click.Choice(LARGE_SIZES),
            help="What allocations become that must not fail and may ask for more than two pages: "
            "kvmalloc, in a step of its own with all frees of their memory (default: they stay).",
        ),
        click.option(
            "--placeholder-scopes/--no-placeholder-scopes",
            default=None,
            help="With --recipe scoped or upstream: scopes around single calls where no better "
            "place is known, in commits that say so (default: those calls keep GFP_NOFS).",
        ),
        click.option(
            "--nofail-scopes",
            type=click.Choice(NOFAIL_SCOPES),
            help="Scopes in which allocations do not fail, as an RFC: api: the patches that add "
            "memalloc_nofail_save(); open: also open them where transactions open nofs scopes; "
            "convert: also drop __GFP_NOFAIL where one is proven to be open.",
        ),
        click.option(
            "--nofail-failing",
            type=click.Choice(NOFAIL_FAILING),
            help="With --nofail-scopes open or convert: whether allocations that may fail today "
            "keep failing in the scopes where that is handled, by __GFP_RETRY_MAYFAIL "
            "(default: keep).",
        ),
        click.option("--prefix", help="Subject prefix of the commits, e.g. xfs."),
        click.option("--profile", help="Wrapper family (default: xfs)."),
        click.option(
            "--recipe",
            type=click.Choice(RECIPES),
            help="How to convert (default: exact: plain masks with the same contract; proven: also "
            "without GFP_NOFS where a nofs scope is proven to be open; scoped: also with scopes "
            "added where a hazard is, and without GFP_NOFS where there is none; upstream: also "
            "with __GFP_NOLOCKDEP where only lockdep objects).",
        ),
    ):
        planned = option(planned)
    return planned


def planning_choice(parameters: Mapping[str, Any]) -> Options:
    """What the parameters of a planning command, by name, choose."""
    return options_of(**{name: parameters[name] for name in _PLANNING})


def options_of(
    *,
    recipe: str | None = None,
    profile: str | None = None,
    prefix: str | None = None,
    keep_nowarn: bool | None = None,
    no_cache: bool = False,
    simplify: tuple[str, ...] = (),
    large_sizes: str | None = None,
    placeholder_scopes: bool | None = None,
    nofail_scopes: str | None = None,
    nofail_failing: str | None = None,
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
        simplify=simplifications(simplify or config.simplify),
        large_sizes=large_sizes or config.large_sizes,
        placeholder_scopes=bool(
            config.placeholder_scopes if placeholder_scopes is None else placeholder_scopes
        ),
        nofail_scopes=nofail_scopes or config.nofail_scopes,
        nofail_failing=nofail_failing or config.nofail_failing or default.nofail_failing,
    )


# The options of `planning_options` are the parameters of `options_of`, by name.
_PLANNING = tuple(signature(options_of).parameters)


def plan_of(tree: str, paths: tuple[str, ...], options: Options) -> Plan:
    with progress_line() as progress:
        return make_plan(open_tree(tree), paths, options, progress)


@contextmanager
def progress_line() -> Iterator[Progress]:
    """A line on stderr that says what is being done; silent where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
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
    """Write a result to stdout or to a file, which is complete or as it was before.

    Raises InputError if the file cannot be written.
    """
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        if output.exists() and not output.is_file():  # a pipe or a device has no earlier content
            output.write_bytes(text.encode("utf-8"))
        else:
            write_atomic(output.resolve(), text.encode("utf-8"))  # not over a symbolic link
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror or error}") from error


def hand_out_as(
    form: str,
    documents: Mapping[str, Callable[[], str]],
    print_text: Callable[[Console], None],
    output: Path | None,
) -> None:
    """Write a result in one of several forms: one of ``documents``, or else as text for people.

    Raises InputError if the file cannot be written.
    """
    if form in documents:
        hand_out(documents[form](), output)
    elif output is None:
        print_text(report_console(sys.stdout))
    else:
        page = StringIO()
        print_text(report_console(page))
        hand_out(page.getvalue(), output)


def print_notes(notes: tuple[str, ...]) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)
