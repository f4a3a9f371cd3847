"""The dialect of one tree: the kernel's fixed words and what the tree's own headers define."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import convert
from convert.source.tables import FileWords, from_json, join, merge, to_json, words_of
from convert.source.vocabulary import Dialect, directory_of
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
    shared = merge(words for root in roots for words in _read(tree, root, cache_dir).values())
    own: dict[str, FileWords] = {}
    directories = [path if not path.endswith((".c", ".h")) else _parent(path) for path in paths]
    for path in dict.fromkeys(directories):
        if not f"{path}/".startswith(tuple(f"{root}/" for root in roots)):
            own.update(_read(tree, path, cache_dir))
    base = join([shared])
    local = {
        directory: join([words, own.get(directory.split("/")[0], FileWords())], base)
        for directory, words in own.items()
    }
    return replace(join(own.values(), base), local=local)


def _architectures(tree: KernelTree) -> Iterable[str]:
    names = sorted({path.split("/")[1] for path in tree.files("arch") if path.count("/") > 1})
    return [f"arch/{name}/include" for name in names if tree.exists(f"arch/{name}/include")]


def _parent(path: str) -> str:
    return path.rsplit("/", 1)[0] if "/" in path else ""


def _read(tree: KernelTree, root: str, cache_dir: Path | None) -> dict[str, FileWords]:
    """The tables of all headers below a directory, by the directory that shares them."""
    headers = [path for path in tree.files(root) if path.endswith(".h")]
    contents = [tree.read(path) for path in headers]
    if cache_dir is None:
        return _by_directory(headers, contents)
    digest = hashlib.sha256(convert.__version__.encode() + _FORMAT)
    for path, data in zip(headers, contents, strict=True):
        digest.update(f"{path}\0{len(data)}\0".encode())
        digest.update(data)
    file = cache_dir / f"dialect-{digest.hexdigest()[:32]}.json"
    cached = _cached(file)
    if cached is not None:
        return cached
    found = _by_directory(headers, contents)
    write_atomic(file, json.dumps({key: to_json(words) for key, words in found.items()}).encode())
    return found


def _by_directory(headers: Sequence[str], contents: Sequence[bytes]) -> dict[str, FileWords]:
    found: dict[str, list[FileWords]] = {}
    for path, data in zip(headers, contents, strict=True):
        found.setdefault(directory_of(path), []).append(words_of(data.decode("latin-1")))
    return {directory: merge(words) for directory, words in found.items()}


# Changes whenever `words_of` reads something else out of the same header.
_FORMAT = b"1"


def _cached(file: Path) -> dict[str, FileWords] | None:
    try:
        found = json.loads(file.read_bytes())
        return {directory: from_json(words) for directory, words in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
