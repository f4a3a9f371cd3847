"""Reading facts of files ahead: a second process fills the cache while the first one goes on.

Nothing waits for it and nothing depends on it. It starts at the last file, the first process at the
first one; what is not in the cache when it is wanted is read as without it.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import convert
from convert.flow.provenance.facts import file_facts
from convert.flow.provenance.load import keys_of
from convert.flow.provenance.names import Names
from convert.sites.sources import Sources
from convert.source.collection import without_collections
from convert.source.parse import parse_file
from convert.source.text import BrokenSource, read_source
from convert.source.vocabulary import Dialect
from convert.tree.store import Store, running_code

_LEAST = 1_000_000  # bytes of C that are worth a second process


@dataclass(frozen=True)
class Work:
    """What the second process is given. ``files``: path, bytes, key."""

    code: str
    store: Store
    dialect: Dialect
    names: Names
    files: tuple[tuple[str, bytes, str], ...]


@contextmanager
def reading_ahead(sources: Sources, names: Names, least: int = _LEAST) -> Iterator[None]:
    """Let another processor read the facts of all files that are not in the cache.

    Not for less than ``least`` bytes of C, on a single processor, or without a cache.
    """
    process = _started(sources, names, least)
    try:
        yield
    finally:
        if process is not None:
            process.terminate()
            process.wait()


def _started(sources: Sources, names: Names, least: int) -> subprocess.Popen[bytes] | None:
    if sources.kept.directory is None or (os.cpu_count() or 1) < 2:
        return None
    keys = keys_of(sources, names)
    files = tuple(
        (path, sources.data(path), keys[path])
        for path in reversed(sources.c_files)
        if not sources.kept.has(keys[path])
    )
    if sum(len(data) for _, data, _ in files) < least:
        return None
    words = sources.tables()  # copied without what was computed from them, which is large
    words = replace(words, local={place: replace(near) for place, near in words.local.items()})
    work = Work(running_code(), sources.kept, words, replace(names), files)
    with tempfile.TemporaryFile() as request:
        pickle.dump(work, request, protocol=5)
        request.seek(0)
        return subprocess.Popen(
            # -P: nothing is imported from the directory that we happen to be in
            [sys.executable, "-P", "-m", "convert.flow.provenance.ahead"],
            stdin=request,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(Path(convert.__file__).parent.parent)},
            start_new_session=True,  # Ctrl-C is for the first process, which ends this one
        )


def fill(work: Work) -> None:
    """Read the facts of the files into the cache, unless the code changed meanwhile."""
    if work.code != running_code():
        return
    with without_collections():
        for path, data, key in work.files:
            if work.store.has(key):
                continue
            try:
                parsed = parse_file(read_source(path, data), work.dialect)
            except BrokenSource:
                continue
            work.store.save(key, file_facts(parsed, work.names))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no half-written file stays
    fill(pickle.load(sys.stdin.buffer))  # written by `_started`, to a file without a name
