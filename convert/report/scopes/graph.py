"""Scope proofs as graphs: DOT (https://graphviz.org/doc/info/lang.html), and SVG by graphviz."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence

from convert.errors import InputError
from convert.flow.scopes.model import Chain
from convert.flow.scopes.results import CallerNode
from convert.report.display import visible
from convert.report.scopes.view import ScopesView

_OPEN, _CLOSED, _SITE = "#d9ead3", "#f4cccc", "#cfe2f3"
_MOST_NODES = 300
_SECONDS = 60


def scopes_dot(view: ScopesView) -> str:
    """The graph of the shown sites: of one line, all its callers; else the chains of evidence.

    Green: the scope is open where the function leads on; red: it is not; blue: a site.
    """
    if view.only is not None:
        trees = [view.proofs.callers_tree(n.site.path, n.site.offset) for n in view.shown]
        return callers_dot([tree for tree in trees if tree is not None])
    edges: dict[str, None] = {}
    nodes: dict[str, str] = {}
    for named in view.shown:
        site = named.site
        nodes[_site_name(site.path, site.line)] = _SITE
        for chain in (site.evidence.covered, site.evidence.witness):
            if chain is not None:
                _add_chain(chain, _site_name(site.path, site.line), nodes, edges)
    return _dot(nodes, edges)


def _site_name(path: str, line: int) -> str:
    return f"{path}:{line}"


def _add_chain(chain: Chain, site: str, nodes: dict[str, str], edges: dict[str, None]) -> None:
    names = [frame.function for frame in chain.frames]
    for frame in chain.frames:
        nodes.setdefault(frame.function, _OPEN if chain.open else _CLOSED)
    steps = [*names, site]
    for first, second, frame in zip(steps, steps[1:], chain.frames, strict=False):
        edges[f"{_quoted(first)} -> {_quoted(second)} [label={_quoted(str(frame.place.line))}]"] = (
            None
        )
    root = f"root: {chain.root.kind.value}"
    nodes.setdefault(root, "white")
    edges[f"{_quoted(root)} -> {_quoted(names[0])}"] = None


def callers_dot(trees: Sequence[CallerNode], most: int = _MOST_NODES) -> str:
    """The trees of callers of some sites as one graph; large ones are cut, and that is said."""
    nodes: dict[str, str] = {}
    edges: dict[str, None] = {}
    for tree in trees:
        for caller, node in _pairs(tree):
            name = _tree_name(node)
            if name not in nodes and len(nodes) >= most:
                nodes[f"more than {most} functions: the rest is left out"] = "white"
                break
            nodes.setdefault(name, _OPEN if node.open else _CLOSED)
            if node.root is not None:
                root = f"root: {node.root.kind.value}\n{node.root.detail}"
                nodes.setdefault(root, "white")
                edges[f"{_quoted(root)} -> {_quoted(name)}"] = None
            if caller is not None:
                edges[f"{_quoted(name)} -> {_quoted(_tree_name(caller))}"] = None
    return _dot(nodes, edges)


def _tree_name(node: CallerNode) -> str:
    opened = f"\nopens: {node.opened_at.text}" if node.opened_at is not None else ""
    return f"{node.function}@{node.place.line}{opened}"


def _pairs(top: CallerNode) -> Iterator[tuple[CallerNode | None, CallerNode]]:
    """Every node with what it calls, nearest to the site first."""
    level: list[tuple[CallerNode | None, CallerNode]] = [(None, top)]
    while level:
        yield from level
        level = [(node, caller) for _, node in level for caller in node.callers]


def _dot(nodes: dict[str, str], edges: Iterable[str]) -> str:
    lines = [
        "digraph scopes {",
        "  rankdir=LR;",
        '  node [shape=box, style=filled, fontname="sans-serif", fontsize=10];',
        '  edge [fontname="sans-serif", fontsize=8];',
        *(f'  {_quoted(name)} [fillcolor="{colour}"];' for name, colour in nodes.items()),
        *(f"  {edge};" for edge in edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    safe = visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{safe}"'


def has_graphviz() -> bool:
    """Whether graphs can be drawn here."""
    return shutil.which("dot") is not None


def need_graphviz() -> str:
    """The program that draws. Raises InputError, naming the package, if it is missing."""
    program = shutil.which("dot")
    if program is None:
        raise InputError("dot is not installed; it is in Debian's package graphviz")
    return program


def svg_of(dot: str) -> str:
    """The drawing of a graph. Raises InputError if graphviz is missing or fails."""
    program = need_graphviz()
    try:
        done = subprocess.run(
            [program, "-Tsvg"],
            input=dot.encode("utf-8"),
            capture_output=True,
            check=True,
            timeout=_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode("utf-8", "replace").strip().split("\n")[0]
        raise InputError(f"dot failed: {words}") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"dot needed more than {_SECONDS} s; try --format dot") from error
    return done.stdout.decode("utf-8")
