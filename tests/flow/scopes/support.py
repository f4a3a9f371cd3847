"""Small programs to prove things about, with the mini kernel's headers around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convert.errors import InputError
from convert.flow.graph.model import Place
from convert.flow.scopes.prove import Budget, prove_scopes
from convert.flow.scopes.results import ScopeProofs
from convert.tree.directory import DirectoryTree
from tests.support import MINIKERNEL

PATH = "fs/small/small.c"

# A handle that keeps its cookie, and a member that is asked for by name: the shape of many
# filesystems. `here(n)` is the site that a test asks about.
PRELUDE = """
struct task { void *journal; unsigned int flags; };
struct handle { unsigned int cookie; int count; struct handle *next; };
struct context { struct handle *handle; int error; int kind; void *data; };
struct ops { int (*work)(struct context *c); };
enum fork { FORK_DATA, FORK_ATTR, FORK_COPY };
#define NEW_ONE 4
#define OLD_ONE 8
int other(void *p);
void unknown(void);
static void here(int n) { void *p = kmalloc(n, GFP_NOFS); kfree(p); }
static void begin(struct handle *h) { h->cookie = memalloc_nofs_save(); }
static void end(struct handle *h) { memalloc_nofs_restore(h->cookie); kfree(h); }
static int start(struct handle **hp)
{
\tstruct handle *h = kzalloc(sizeof(*h), GFP_KERNEL | __GFP_NOFAIL);

\tbegin(h);
\tif (other(h)) {
\t\tend(h);
\t\treturn -ENOSPC;
\t}
\t*hp = h;
\treturn 0;
}
"""


@dataclass(frozen=True)
class MemoryTree:
    """The mini kernel with one more file; its headers are read from the disk."""

    texts: Mapping[str, str]
    base: DirectoryTree = field(default_factory=lambda: DirectoryTree(MINIKERNEL))

    @property
    def name(self) -> str:
        """A name for messages."""
        return "small"

    @property
    def revision(self) -> str | None:
        """None: no revision."""
        return None

    def read(self, path: str) -> bytes:
        """The bytes of a file."""
        return self.texts[path].encode() if path in self.texts else self.base.read(path)

    def exists(self, path: str) -> bool:
        """Whether there is such a file or directory."""
        inside = any(one == path or one.startswith(f"{path}/") for one in self.texts)
        return inside or self.base.exists(path)

    def files(self, under: str = "") -> tuple[str, ...]:
        """All files below a directory."""
        own = [one for one in self.texts if not under or f"{one}/".startswith(f"{under}/")]
        if own and under and not self.base.exists(under):
            return tuple(sorted(own))
        if under and not self.base.exists(under):
            raise InputError(f"{under}: not in the tree")
        return tuple(sorted({*own, *self.base.files(under)}))


def prove(
    code: str,
    *,
    prelude: str = PRELUDE,
    disabled: frozenset[Place] = frozenset(),
    budget: Budget | None = None,
    scope: str = "nofs",
) -> ScopeProofs:
    """The proofs about a small file."""
    tree = MemoryTree({PATH: prelude + code})
    return prove_scopes(tree, ["fs/small"], disabled=disabled, budget=budget, scope=scope)


def verdict(code: str, prelude: str = PRELUDE, scope: str = "nofs") -> str:
    """The verdict about the allocation of ``here``, after ``prelude``."""
    proofs = prove(code, prelude=prelude, scope=scope)
    sites = [site for site in proofs.sites if site.function == "here"]
    assert len(sites) == 1
    return sites[0].evidence.verdict.value
