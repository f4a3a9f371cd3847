"""The command line: the only place that parses arguments, prints and decides the exit code.

Exit codes: 0 done; 1 done, with refusals; 2 wrong usage or input; 3 an internal check failed
(nothing was written); 130 interrupted (nothing was written). Results go to stdout, the rest to
stderr.
"""

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
from convert.errors import InputError, KmemConvertError
from convert.explain import explain as explain_site
from convert.explain import place_of
from convert.pipeline import (
    RECIPES,
    Options,
    Progress,
    derived_contracts,
    make_plan,
    wrapper_home,
    wrapper_names,
)
from convert.plan import Plan
from convert.profiles.kernel import load_kernel_names
from convert.report.console import report_console
from convert.report.html_report import report_html
from convert.report.inventory_report import inventory_json, inventory_text
from convert.report.json_report import report_json
from convert.report.sarif_report import report_sarif
from convert.report.text_report import render_text
from convert.rules.model import Refused
from convert.semantics.capabilities import capabilities, capabilities_text
from convert.semantics.scopes import scope_table, scopes_text
from convert.semantics.table import contracts_text
from convert.series.branch import apply as make_branch
from convert.series.model import Generator
from convert.series.write import write_series
from convert.sites.inventory import take_inventory
from convert.tree.cache import cache_dir, write_atomic
from convert.tree.open import open_tree
from convert.verify.review.report import review_json, review_text
from convert.verify.review.series import review_series

_P = ParamSpec("_P")
_R = TypeVar("_R")

_tree = click.argument("tree")
_paths = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


def _choices(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """The options that every planning command has."""
    for option in (
        click.option("--no-cache", is_flag=True, help="Read the tree's headers anew."),
        click.option(
            "--keep-nowarn/--drop-nowarn",
            default=None,
            help="Keep the __GFP_NOWARN that the wrappers always passed (default: drop it).",
        ),
        click.option("--prefix", help="Subject prefix of the commits, e.g. xfs."),
        click.option("--profile", help="Wrapper family (default: xfs)."),
        click.option(
            "--recipe",
            type=click.Choice(RECIPES),
            help="How to convert (default: exact: plain masks with the same contract).",
        ),
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kmem-convert")
def cli() -> None:
    """Convert kmem wrappers in Linux filesystem code to plain allocations, as patches.

    TREE is a kernel tree: a directory, or DIR@REV for a revision of a git repository. Nothing in it
    is ever written to; `apply` only adds a branch.
    """


@cli.command()
@_tree
@_paths
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
def inventory(tree: str, paths: tuple[str, ...], form: str, output: Path | None) -> None:
    """Count what is there: wrappers, masks, scopes, stored masks."""
    kernel_tree = open_tree(tree)
    names = wrapper_names(kernel_tree, paths, _options(None, None, None, None, True))
    found = take_inventory(kernel_tree, paths, names, load_kernel_names())
    if form == "json":
        _hand_out(inventory_json(found, __version__), output)
    elif output is None:
        inventory_text(found, report_console(sys.stdout))
    else:
        with output.open("w", encoding="utf-8") as file:
            inventory_text(found, report_console(file))


@cli.command()
@_tree
@_paths
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "html", "sarif"]), default="text"
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("-v", "--verbose", is_flag=True, help="Also contracts, ids and sources (text).")
@click.option("--diff", "diffs", is_flag=True, help="Also the whole diff of each step (text).")
@_choices
def report(
    tree: str,
    paths: tuple[str, ...],
    form: str,
    output: Path | None,
    verbose: bool,
    diffs: bool,
    recipe: str | None,
    profile: str | None,
    prefix: str | None,
    keep_nowarn: bool | None,
    no_cache: bool,
) -> None:
    """Dry run: every site, its decision, the evidence, the diff."""
    plan = _plan(tree, paths, _options(recipe, profile, prefix, keep_nowarn, no_cache))
    writers: dict[str, Callable[[Plan], str]] = {
        "json": lambda p: report_json(p, __version__),
        "html": report_html,
        "sarif": report_sarif,
    }
    if form in writers:
        _hand_out(writers[form](plan), output)
    elif output is None:
        render_text(plan, report_console(sys.stdout), verbose, diffs)
    else:
        with output.open("w", encoding="utf-8") as file:
            render_text(plan, report_console(file), verbose, diffs)
    sys.exit(_code(plan))


@cli.command()
@_tree
@_paths
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR")
@click.option("--force", is_flag=True, help="Replace an earlier series in DIR.")
@click.option("--no-maintainers", is_flag=True, help="Do not run scripts/get_maintainer.pl.")
@_choices
def series(
    tree: str,
    paths: tuple[str, ...],
    output: Path,
    force: bool,
    no_maintainers: bool,
    recipe: str | None,
    profile: str | None,
    prefix: str | None,
    keep_nowarn: bool | None,
    no_cache: bool,
) -> None:
    """Write the patch series as mail files, with a cover letter."""
    _need_git()
    plan = _plan(tree, paths, _options(recipe, profile, prefix, keep_nowarn, no_cache))
    if not _worth_it(plan):
        return
    with _progress() as progress:
        progress("making the commits and the mails")
        written = write_series(
            plan,
            open_tree(tree),
            output,
            generator=_generator(),
            force=force,
            maintainers=not no_maintainers,
        )
    for path in (written.cover, *written.patches):
        click.echo(str(path))
    _notes(written.notes)
    sys.exit(_code(plan))


@cli.command()
@_tree
@_paths
@click.option("--branch", required=True, help="Name of the branch to make.")
@click.option(
    "--force", is_flag=True, help="Move the branch if it exists (never a checked-out one)."
)
@_choices
def apply(
    tree: str,
    paths: tuple[str, ...],
    branch: str,
    force: bool,
    recipe: str | None,
    profile: str | None,
    prefix: str | None,
    keep_nowarn: bool | None,
    no_cache: bool,
) -> None:
    """Commit the series on a new local branch; work tree, index and HEAD stay as they are."""
    _need_git()
    plan = _plan(tree, paths, _options(recipe, profile, prefix, keep_nowarn, no_cache))
    if not _worth_it(plan):
        return
    with _progress() as progress:
        progress("making the commits")
        made = make_branch(plan, open_tree(tree), branch, generator=_generator(), force=force)
    click.echo(f"{made.branch}: {len(made.commits)} commits on {made.base[:12]}")
    for step, commit in zip(plan.steps, made.commits, strict=True):
        click.echo(f"{commit[:12]} {plan.prefix}: {step.subject}")
    _notes(made.notes)
    sys.exit(_code(plan))


@cli.command()
@_tree
@_paths
@click.option(
    "--tree-facts", is_flag=True, help="Also the tree's scopes and what its allocators accept."
)
@click.option("--no-cache", is_flag=True, help="Read the tree's headers anew.")
def contracts(tree: str, paths: tuple[str, ...], tree_facts: bool, no_cache: bool) -> None:
    """Print what each wrapper does for each combination of flags, and the lines that show it."""
    with _progress() as progress:
        table = derived_contracts(
            open_tree(tree), paths, _options(None, None, None, None, no_cache), progress
        )
    click.echo(contracts_text(table))
    if tree_facts:
        click.echo(scopes_text(scope_table(open_tree(tree))))
        click.echo(capabilities_text(capabilities(open_tree(tree))))
    sys.exit(1 if table.refused else 0)


@cli.command()
@_tree
@click.argument("place", metavar="FILE:LINE")
@_choices
def explain(
    tree: str,
    place: str,
    recipe: str | None,
    profile: str | None,
    prefix: str | None,
    keep_nowarn: bool | None,
    no_cache: bool,
) -> None:
    """Tell one site whole: contract, executed lines, decision, reason, diff."""
    path, line = place_of(place)
    options = _options(recipe, profile, prefix, keep_nowarn, no_cache)
    plan = _plan(tree, (wrapper_home(open_tree(tree), path, options),), options)
    for text in explain_site(plan, path, line):
        click.echo(text)


@cli.command()
@click.argument("series_spec", metavar="SERIES")
@click.option("--tree", required=True, help="The tree that the series applies to.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("-v", "--verbose", is_flag=True, help="Also every note (text).")
@click.option("--no-cache", is_flag=True, help="Read the tree's headers anew.")
def review(
    series_spec: str,
    tree: str,
    form: str,
    output: Path | None,
    verbose: bool,
    no_cache: bool,
) -> None:
    """Check any series, also a hand-made one, for what it changes in allocations.

    SERIES is a directory of mail files, one mail or mbox, or a range of revisions A..B of TREE.
    """
    with _progress() as progress:
        cache = None if no_cache else cache_dir()
        found = review_series(series_spec, open_tree(tree), cache_dir=cache, progress=progress)
    if form == "json":
        _hand_out(review_json(found, __version__), output)
    elif output is None:
        review_text(found, report_console(sys.stdout), verbose)
    else:
        with output.open("w", encoding="utf-8") as file:
            review_text(found, report_console(file), verbose)
    sys.exit(found.exit_code)


def _options(
    recipe: str | None,
    profile: str | None,
    prefix: str | None,
    keep_nowarn: bool | None,
    no_cache: bool,
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
    )


def _plan(tree: str, paths: tuple[str, ...], options: Options) -> Plan:
    with _progress() as progress:
        return make_plan(open_tree(tree), paths, options, progress)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A line on stderr that says what is being done; silent where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("starting") as status:
        yield status.update


def _need_git() -> None:
    """Commits are made by git: say so before the work starts."""
    if shutil.which("git") is None:
        raise InputError("git is not installed, or not in PATH; install it to make commits")


def _worth_it(plan: Plan) -> bool:
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


def _code(plan: Plan) -> int:
    """1 if something was refused or could not be read, else 0."""
    refused = any(isinstance(planned.decision, Refused) for planned in plan.sites)
    return 1 if refused or plan.refusals else 0


def _generator() -> Generator:
    command = shlex.join(["kmem-convert", *sys.argv[1:]])
    return Generator("kmem-convert", __version__, command)


def _hand_out(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        write_atomic(output, text.encode("utf-8"))


def _notes(notes: tuple[str, ...]) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)


def main() -> None:
    """Run the command line; every failure is one line and an exit code."""
    try:
        cli.main(prog_name="kmem-convert", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("kmem-convert: interrupted; nothing was written", err=True)
        sys.exit(130)
    except KmemConvertError as error:
        click.echo(f"kmem-convert: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"kmem-convert: {where}{error.strerror or error}", err=True)
        sys.exit(2)
