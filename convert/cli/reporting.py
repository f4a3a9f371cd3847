"""The dry run: what a conversion would do, and why."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from convert import __version__
from convert.choices import Options
from convert.cli.options import (
    exit_code,
    hand_out_as,
    output_option,
    paths_argument,
    plan_of,
    planning_options,
    tree_argument,
)
from convert.report.html_report import report_html
from convert.report.json_report import report_json
from convert.report.sarif_report import report_sarif
from convert.report.text_report import render_text


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
