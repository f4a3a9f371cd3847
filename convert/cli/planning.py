"""Commands that plan a conversion: dry run, series, branch, one site told whole."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from convert import __version__
from convert.cli.options import (
    exit_code,
    generator,
    hand_out_as,
    need_git,
    output_option,
    paths_argument,
    plan_of,
    planning_options,
    print_notes,
    progress_line,
    tree_argument,
    worth_it,
)
from convert.explain import asks_for_scopes, place_of
from convert.explain import explain as explain_site
from convert.pipeline import Options, scope_proofs, subsystem_home
from convert.report.html_report import report_html
from convert.report.json_report import report_json
from convert.report.sarif_report import report_sarif
from convert.report.text_report import render_text
from convert.series.branch import apply as make_branch
from convert.series.write import write_series
from convert.tree.open import open_tree


@click.command()
@tree_argument
@paths_argument
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "html", "sarif"]), default="text"
)
@output_option
@click.option("-v", "--verbose", is_flag=True, help="Also contracts, ids and sources (text).")
@click.option("--diff", "diffs", is_flag=True, help="Also the whole diff of each step (text).")
@planning_options
def report(
    tree: str,
    paths: tuple[str, ...],
    form: str,
    output: Path | None,
    verbose: bool,
    diffs: bool,
    options: Options,
) -> None:
    """Dry run: every site, its decision, the evidence, the diff."""
    plan = plan_of(tree, paths, options)
    documents = {
        "json": lambda: report_json(plan, __version__),
        "html": lambda: report_html(plan),
        "sarif": lambda: report_sarif(plan),
    }
    hand_out_as(form, documents, lambda page: render_text(plan, page, verbose, diffs), output)
    sys.exit(exit_code(plan))


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
        click.echo(f"{commit[:12]} {plan.prefix}: {step.subject}")
    print_notes(made.notes)
    sys.exit(exit_code(plan))


@click.command()
@tree_argument
@click.argument("place", metavar="FILE:LINE")
@click.option(
    "--also", multiple=True, metavar="PATH", help="Further paths to read, for scope proofs."
)
@planning_options
def explain(
    tree: str,
    place: str,
    also: tuple[str, ...],
    options: Options,
) -> None:
    """Tell one site whole: contract, executed lines, decision, reason, diff, callers and scopes."""
    path, line = place_of(place)
    kernel_tree = open_tree(tree)
    paths = (subsystem_home(kernel_tree, path, options), *also)
    plan = plan_of(tree, paths, options)
    proofs = plan.proofs
    written = kernel_tree.read(path).decode("latin-1").split("\n")[line - 1 : line]
    if proofs is None and asks_for_scopes(plan, path, line, "".join(written)):
        with progress_line() as progress:
            proofs = scope_proofs(kernel_tree, paths, options, progress)
    for text in explain_site(plan, path, line, proofs):
        click.echo(text)
