"""Commands that make commits of a conversion: as mails, or on a branch."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from convert.choices import Options
from convert.cli.options import (
    exit_code,
    generator,
    need_git,
    paths_argument,
    plan_of,
    planning_options,
    print_notes,
    progress_line,
    tree_argument,
    worth_it,
)
from convert.series.branch import apply as make_branch
from convert.series.write import write_series
from convert.tree.open import open_tree


@click.command()
@tree_argument
@paths_argument
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR")
@click.option("--force", is_flag=True, help="Replace an earlier series in DIR.")
@click.option("--no-maintainers", is_flag=True, help="Do not run scripts/get_maintainer.pl.")
@planning_options
def series(
    tree: str,
    paths: tuple[str, ...],
    output: Path,
    force: bool,
    no_maintainers: bool,
    options: Options,
) -> None:
    """Write the patch series as mail files, with a cover letter."""
    need_git()
    plan = plan_of(tree, paths, options)
    if not worth_it(plan):
        return
    with progress_line() as progress:
        progress("making the commits and the mails")
        written = write_series(
            plan,
            open_tree(tree),
            output,
            generator=generator(),
            force=force,
            maintainers=not no_maintainers,
        )
    for path in (written.cover, *written.patches):
        click.echo(str(path))
    print_notes(written.notes)
    sys.exit(exit_code(plan))


@click.command()
@tree_argument
@paths_argument
@click.option("--branch", required=True, help="Name of the branch to make.")
@click.option(
    "--force", is_flag=True, help="Move the branch if it exists (never a checked-out one)."
)
@planning_options
def apply(
    tree: str,
    paths: tuple[str, ...],
    branch: str,
    force: bool,
    options: Options,
) -> None:
    """Commit the series on a new local branch; work tree, index and HEAD stay as they are."""
    need_git()
    plan = plan_of(tree, paths, options)
    if not worth_it(plan):
        return
    with progress_line() as progress:
        progress("making the commits")
        made = make_branch(plan, open_tree(tree), branch, generator=generator(), force=force)
    click.echo(f"{made.branch}: {len(made.commits)} commits on {made.base[:12]}")
    for step, commit in zip(plan.steps, made.commits, strict=True):
        click.echo(f"{commit[:12]} {step.prefix or plan.prefix}: {step.subject}")
    print_notes(made.notes)
    sys.exit(exit_code(plan))
