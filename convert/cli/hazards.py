"""The table of hazards: `inventory --hazards`, and the part of `explain` about one site."""

from __future__ import annotations

from pathlib import Path

from convert import __version__
from convert.choices import Options
from convert.cli.options import hand_out_as, options_of, progress_line
from convert.hazarding import find_and_place
from convert.pipeline import normal_paths
from convert.progress import Progress
from convert.report.hazards.document import hazards_json
from convert.report.hazards.page import hazards_html
from convert.report.hazards.text import hazards_text
from convert.report.hazards.view import HazardsView, hazards_view
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree


def hazard_table(
    name: str,
    paths: tuple[str, ...],
    form: str,
    output: Path | None,
    verbose: bool,
    no_cache: bool,
) -> int:
    """Hand out the hazards of some paths of a tree.

    Returns the exit code: 1 if a site has no answer or a hazard no scope, else 0. Raises InputError
    for unusable input.
    """
    tree = open_tree(name)
    with progress_line() as progress:
        view = hazards_of(tree, paths, options_of(no_cache=no_cache), progress)
    documents = {
        "json": lambda: hazards_json(view, __version__),
        "html": lambda: hazards_html(view),
    }
    hand_out_as(form, documents, lambda page: hazards_text(view, page, verbose), output)
    return 0 if view.complete else 1


def hazards_of(
    tree: KernelTree, paths: tuple[str, ...], options: Options, progress: Progress
) -> HazardsView:
    """The hazards of some paths of a tree, and the scopes that would be placed.

    Raises InputError for paths that are not in the tree or hold no C, InternalCheckError for
    answers that contradict each other.
    """
    given = normal_paths(tree, paths)
    report, placement = find_and_place(tree, given, options, progress)

    def line_of(path: str, offset: int) -> int:
        return tree.read(path).count(b"\n", 0, offset) + 1

    return hazards_view(tree.name, tree.revision, given, report, placement, line_of)
