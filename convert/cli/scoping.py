"""Commands about allocation scopes: the proofs, and the patch that holds them against a boot."""

from __future__ import annotations

from pathlib import Path

import click

from convert import __version__
from convert.assertions.model import AssertPatch, Target
from convert.assertions.patch import assert_patch
from convert.cli.options import (
    generator,
    hand_out,
    hand_out_as,
    options_of,
    output_option,
    paths_argument,
    progress_line,
    tree_argument,
)
from convert.explain import place_of
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.results import ScopeProofs, SiteUse
from convert.pipeline import normal_paths, scope_proofs, wrapper_names
from convert.report.scopes.document import scopes_json
from convert.report.scopes.graph import need_graphviz, scopes_dot, svg_of
from convert.report.scopes.text import scopes_text
from convert.report.scopes.view import NamedSite, ScopesView, at_line, named_sites
from convert.semantics.scopes import scope_table
from convert.semantics.stubs import load_stubs
from convert.sites.sources import Sources
from convert.source.dialect import load_dialect
from convert.tree.cache import cache_dir
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree

_SCOPE = "nofs"


@click.command()
@tree_argument
@paths_argument
@click.option("--format", "form", type=click.Choice(["text", "json", "dot", "svg"]), default="text")
@output_option
@click.option("--site", metavar="FILE:LINE", help="Only this place, with the tree of its callers.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Also what opens scopes, and what was not read."
)
@click.option("--no-cache", is_flag=True, help="Prove everything anew.")
def scopes(
    tree: str,
    paths: tuple[str, ...],
    form: str,
    output: Path | None,
    site: str | None,
    verbose: bool,
    no_cache: bool,
) -> None:
    """Tell for every NOFS allocation whether a nofs scope is open on all paths to it.

    The proofs hold for the files below PATHS; callers outside count as having no scope open.
    """
    wanted = place_of(site) if site is not None else None
    if form == "svg":
        need_graphviz()  # before the work, not behind it
    kernel_tree = open_tree(tree)
    with progress_line() as progress:
        options = options_of(no_cache=no_cache)
        proofs = scope_proofs(kernel_tree, paths, options, progress, _SCOPE)
    given = normal_paths(kernel_tree, paths)
    view = ScopesView(kernel_tree.name, kernel_tree.revision, given, proofs)
    if wanted is not None:
        view = at_line(view, *wanted)
    documents = {
        "json": lambda: scopes_json(view, __version__),
        "dot": lambda: scopes_dot(view),
        "svg": lambda: svg_of(scopes_dot(view)),
    }
    hand_out_as(form, documents, lambda page: scopes_text(view, page, verbose), output)


@click.command("assert")
@tree_argument
@paths_argument
@output_option
@click.option("--all", "everything", is_flag=True, help="Also observe sites that are not proven.")
@click.option("--no-cache", is_flag=True, help="Prove everything anew.")
def assert_scopes(
    tree: str, paths: tuple[str, ...], output: Path | None, everything: bool, no_cache: bool
) -> None:
    """Make a debug patch that counts, at each proven site, whether the scope is open.

    For a kernel to boot and put under load, not to merge. The counts are in
    /proc/kmem-convert-assert and go to the log at shutdown.
    """
    kernel_tree = open_tree(tree)
    with progress_line() as progress:
        options = options_of(no_cache=no_cache)
        proofs = scope_proofs(kernel_tree, paths, options, progress, _SCOPE)
        progress("placing the counters")
        given = normal_paths(kernel_tree, paths)
        patch = _patch(kernel_tree, given, proofs, everything, None if no_cache else cache_dir())
    hand_out(patch.text, output)
    proven = sum(target.proven for target in patch.counted)
    click.echo(f"{proven} sites asserted, {len(patch.counted) - proven} observed", err=True)
    for one in patch.left_out:
        click.echo(f"without a counter: {one.target.id}: {one.reason}", err=True)


def _patch(
    tree: KernelTree,
    paths: tuple[str, ...],
    proofs: ScopeProofs,
    everything: bool,
    cache: Path | None,
) -> AssertPatch:
    sources = Sources(tree, paths, lambda: load_dialect(tree, paths, cache))
    targets = [_target(named) for named in named_sites(proofs) if _counts(named, everything)]
    stubs = load_stubs()
    wrappers = wrapper_names(tree, paths, options_of(no_cache=True)).flag_slots

    def slot_of(name: str) -> int | None:
        primitive = stubs.primitive(name)
        return wrappers.get(name) if primitive is None else primitive.gfp

    about = {"version": __version__, "command": generator().command}
    return assert_patch(tree, sources, targets, scope_table(tree), _SCOPE, slot_of, about)


def _counts(named: NamedSite, everything: bool) -> bool:
    """Whether a site gets a counter: all proven ones that allocate, on demand the others too."""
    site = named.site
    if site.use is not SiteUse.ALLOCATES:
        return False
    return site.evidence.verdict is Verdict.PROVEN or (everything and bool(site.forbids))


def _target(named: NamedSite) -> Target:
    site = named.site
    proven = site.evidence.verdict is Verdict.PROVEN
    return Target(
        named.id, site.path, site.offset, site.line, site.callee, frozenset(site.mask), proven
    )
