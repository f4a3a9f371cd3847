"""Commands that only tell what a tree holds."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from convert import __version__
from convert.cli.options import (
    hand_out,
    hand_out_as,
    options_of,
    output_option,
    paths_argument,
    progress_line,
    tree_argument,
)
from convert.pipeline import derived_contracts, tree_mismatches, wrapper_names
from convert.profiles.kernel import load_kernel_names
from convert.report.inventory_report import inventory_json, inventory_text
from convert.report.mismatch_report import mismatches_json, mismatches_text
from convert.semantics.capabilities import capabilities, capabilities_text
from convert.semantics.scopes import scope_table, scopes_text
from convert.semantics.table import contracts_text
from convert.sites.inventory import take_inventory
from convert.tree.open import open_tree


@click.command()
@tree_argument
@paths_argument
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@output_option
@click.option(
    "--mismatches",
    is_flag=True,
    help="List memory that is given to a free of another kind.",
)
def inventory(
    tree: str, paths: tuple[str, ...], form: str, output: Path | None, mismatches: bool
) -> None:
    """Count what is there: wrappers, masks, scopes, stored masks."""
    kernel_tree = open_tree(tree)
    if mismatches:
        with progress_line() as progress:
            wrong = tree_mismatches(kernel_tree, paths, options_of(), progress)
        render = mismatches_json if form == "json" else mismatches_text
        hand_out(render(wrong, __version__), output)
        sys.exit(1 if wrong else 0)
    names = wrapper_names(kernel_tree, paths, options_of(no_cache=True))
    found = take_inventory(kernel_tree, paths, names, load_kernel_names())
    documents = {"json": lambda: inventory_json(found, __version__)}
    hand_out_as(form, documents, lambda page: inventory_text(found, page), output)


@click.command()
@tree_argument
@paths_argument
@click.option(
    "--tree-facts", is_flag=True, help="Also the tree's scopes and what its allocators accept."
)
@click.option("--no-cache", is_flag=True, help="Read the tree's headers anew.")
def contracts(tree: str, paths: tuple[str, ...], tree_facts: bool, no_cache: bool) -> None:
    """Print what each wrapper does for each combination of flags, and the lines that show it."""
    with progress_line() as progress:
        options = options_of(no_cache=no_cache)
        table = derived_contracts(open_tree(tree), paths, options, progress)
    click.echo(contracts_text(table))
    if tree_facts:
        click.echo(scopes_text(scope_table(open_tree(tree))))
        click.echo(capabilities_text(capabilities(open_tree(tree))))
    sys.exit(1 if table.refused else 0)
