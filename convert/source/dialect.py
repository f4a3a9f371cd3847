"""The dialect of one tree: the kernel's fixed words and what the tree's own headers define."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import convert
from convert.source.tables import FileWords, from_json, join, merge, to_json, words_of
from convert.source.words import Dialect
from convert.tree.cache import write_atomic
from convert.tree.kernel import KernelTree

__all__ = ["Dialect", "load_dialect"]

_ROOTS = ("include", "arch/x86/include")


def load_dialect(tree: KernelTree, paths: Sequence[str], cache_dir: Path | None = None) -> Dialect:
    """Read the tables of ``include/``, ``arch/x86/include/`` and the headers under ``paths``.

    Where the tree has no x86 headers those of all its architectures are read. With ``cache_dir``
    each of these directories is one JSON file there, named by a hash of all it holds; a damaged
    file is read again from the headers. Raises InputError for a path that is not in the tree.
    """
    roots = [root for root in _ROOTS if tree.exists(root)]
    if _ROOTS[1] not in roots and tree.exists("arch"):
        roots += [path for path in _architectures(tree) if path not in roots]
    own = [path if not path.endswith((".c", ".h")) else _parent(path) for path in paths]
    inside = tuple(f"{root}/" for root in roots)
    roots += [path for path in dict.fromkeys(own) if not f"{path}/".startswith(inside)]
    return join(_read(tree, root, cache_dir) for root in roots)


def _architectures(tree: KernelTree) -> Iterable[str]:
    names = sorted({path.split("/")[1] for path in tree.files("arch") if path.count("/") > 1})
    return [f"arch/{name}/include" for name in names if tree.exists(f"arch/{name}/include")]


def _parent(path: str) -> str:
    return path.rsplit("/", 1)[0] if "/" in path else ""


def _read(tree: KernelTree, root: str, cache_dir: Path | None) -> FileWords:
    """The tables of all headers of one directory."""
    headers = [path for path in tree.files(root) if path.endswith(".h")]
    contents = [tree.read(path) for path in headers]
    if cache_dir is None:
        return merge(words_of(data.decode("latin-1")) for data in contents)
    digest = hashlib.sha256(convert.__version__.encode() + _FORMAT)
    for path, data in zip(headers, contents, strict=True):
        digest.update(f"{path}\0{len(data)}\0".encode())
        digest.update(data)
    file = cache_dir / f"dialect-{digest.hexdigest()[:32]}.json"
    cached = _cached(file)
    if cached is not None:
        return cached
    words = merge(words_of(data.decode("latin-1")) for data in contents)
    write_atomic(file, json.dumps(to_json(words), sort_keys=True).encode())
    return words


# Changes whenever `words_of` reads something else out of the same header.
_FORMAT = b"1"


def _cached(file: Path) -> FileWords | None:
    try:
        return from_json(json.loads(file.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
