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
from convert.errors import InputError
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
@click.option("--format", "form", type=click.Choice(["text", "json", "html"]), default="text")
@output_option
@click.option(
    "--mismatches",
    is_flag=True,
    help="List memory that is given to a free of another kind.",
)
@click.option(
    "--hazards",
    is_flag=True,
    help="Tell what each NOFS mask protects, by lock, and which scopes would do (also as html).",
)
@click.option("-v", "--verbose", is_flag=True, help="All chains, whole (with --hazards, text).")
@click.option("--no-cache", is_flag=True, help="Use and keep nothing of other runs.")
def inventory(
    tree: str,
    paths: tuple[str, ...],
    form: str,
    output: Path | None,
    mismatches: bool,
    hazards: bool,
    verbose: bool,
    no_cache: bool,
) -> None:
    """Count what is there: wrappers, masks, scopes, stored masks; or tell what masks protect."""
    _fit(form, mismatches, hazards, verbose)
    if hazards:
        from convert.cli.hazards import hazard_table  # only this form of the command needs it

        sys.exit(hazard_table(tree, paths, form, output, verbose, no_cache))
    kernel_tree = open_tree(tree)
    if mismatches:
        with progress_line() as progress:
            options = options_of(no_cache=no_cache)
            wrong = tree_mismatches(kernel_tree, paths, options, progress)
        render = mismatches_json if form == "json" else mismatches_text
        hand_out(render(wrong, __version__), output)
        sys.exit(1 if wrong else 0)
    names = wrapper_names(kernel_tree, paths, options_of(no_cache=True))
    found = take_inventory(kernel_tree, paths, names, load_kernel_names())
    documents = {"json": lambda: inventory_json(found, __version__)}
    hand_out_as(form, documents, lambda page: inventory_text(found, page), output)


def _fit(form: str, mismatches: bool, hazards: bool, verbose: bool) -> None:
    """Refuse options that would have no effect: one line says which."""
    if hazards and mismatches:
        raise InputError("--hazards and --mismatches are two tables: ask for one at a time")
    if form == "html" and not hazards:
        raise InputError("--format html is for --hazards; an inventory is text or json")
    if verbose and (not hazards or form != "text"):
        raise InputError("--verbose is for --hazards as text; json and html have all chains anyway")


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
