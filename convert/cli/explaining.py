"""The command that tells one site whole."""

from __future__ import annotations

import click

from convert.choices import Options
from convert.cli.hazards import hazards_of
from convert.cli.options import plan_of, planning_options, progress_line, tree_argument
from convert.explain import asks_for_scopes, place_of
from convert.explain import explain as explain_site
from convert.pipeline import scope_proofs, subsystem_home
from convert.tree.open import open_tree


@click.command()
@tree_argument
@click.argument("place", metavar="FILE:LINE")
@click.option(
    "--also", multiple=True, metavar="PATH", help="Further paths to read, for scope proofs."
)
@click.option(
    "--hazards", is_flag=True, help="Also what would deadlock there, and the scope that would do."
)
@planning_options
def explain(
    tree: str,
    place: str,
    also: tuple[str, ...],
    hazards: bool,
    options: Options,
) -> None:
    """Tell one site whole: contract, executed lines, decision, reason, diff, callers and scopes."""
    path, line = place_of(place)
    kernel_tree = open_tree(tree)
    paths = (subsystem_home(kernel_tree, path, options), *also)
    plan = plan_of(tree, paths, options)
    proofs, view = plan.proofs, None
    if hazards:
        with progress_line() as progress:
            view = hazards_of(kernel_tree, paths, options, progress)
        proofs = proofs or view.report.proofs
    written = kernel_tree.read(path).decode("latin-1").split("\n")[line - 1 : line]
    if proofs is None and asks_for_scopes(plan, path, line, "".join(written)):
        with progress_line() as progress:
            proofs = scope_proofs(kernel_tree, paths, options, progress)
    for text in explain_site(plan, path, line, proofs, view):
        click.echo(text)
