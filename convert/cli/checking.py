"""Commands that check a finished series."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from convert import __version__
from convert.cli.options import hand_out_as, output_option, progress_line
from convert.tree.cache import cache_dir
from convert.tree.open import open_tree
from convert.verify.review.proofs import ProofsOfTrees
from convert.verify.review.report import review_json, review_text
from convert.verify.review.series import review_series


@click.command()
@click.argument("series_spec", metavar="SERIES")
@click.option("--tree", required=True, help="The tree that the series applies to.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@output_option
@click.option("-v", "--verbose", is_flag=True, help="Also every note (text).")
@click.option("--no-cache", is_flag=True, help="Read the tree's headers anew.")
@click.option(
    "--scopes/--no-scopes",
    default=True,
    help="Prove scopes where a mask loses NOFS (default; takes some seconds a commit).",
)
def review(
    series_spec: str,
    tree: str,
    form: str,
    output: Path | None,
    verbose: bool,
    no_cache: bool,
    scopes: bool,
) -> None:
    """Check any series, also a hand-made one, for what it changes in allocations.

    SERIES is a directory of mail files, one mail or mbox, or a range of revisions A..B of TREE.
    """
    with progress_line() as progress:
        cache = None if no_cache else cache_dir()
        found = review_series(
            series_spec,
            open_tree(tree),
            cache_dir=cache,
            progress=progress,
            proof=ProofsOfTrees(cache, progress) if scopes else None,
        )
    documents = {"json": lambda: review_json(found, __version__)}
    hand_out_as(form, documents, lambda page: review_text(found, page, verbose), output)
    sys.exit(found.exit_code)
