"""Results that are kept between runs: Python objects in files of the user's cache directory.

An entry's name is a digest of what it depends on, our own code included, so that nothing in it ever
has to be made invalid. A file that was cut off, changed or written by something else is not used.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pycparser
import pydantic

import convert
from convert.tree.cache import write_atomic

_UNUSED_DAYS = 60
_SUFFIX = ".kept"
_MAGIC = b"kmem-convert kept 1\n"
_PLAIN = frozenset({("builtins", "set"), ("builtins", "frozenset")})


@dataclass(frozen=True)
class Store:
    """Entries below a directory; with None nothing is kept."""

    directory: Path | None

    def load(self, key: str) -> Any:
        """The object that was stored under a key; None if there is none, or a damaged one."""
        if self.directory is None:
            return None
        file = self._file(key)
        try:
            data = file.read_bytes()
        except OSError:
            return None
        start = len(_MAGIC) + hashlib.sha256().digest_size
        payload = memoryview(data)[start:]
        if data[:start] != _MAGIC + hashlib.sha256(payload).digest():
            return None
        try:
            found = _OwnClasses(io.BytesIO(payload)).load()
        except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, IndexError):
            return None
        with suppress(OSError):
            os.utime(file)  # so that it counts as used
        return found

    def has(self, key: str) -> bool:
        """Whether there is an entry; it may be damaged."""
        return self.directory is not None and self._file(key).exists()

    def save(self, key: str, value: object) -> None:
        """Keep an object under a key; a full disk only costs the entry."""
        if self.directory is None:
            return
        payload = pickle.dumps(value, protocol=5)
        with suppress(OSError):
            write_atomic(self._file(key), _MAGIC + hashlib.sha256(payload).digest() + payload)

    def prune(self) -> None:
        """Remove the entries that no run has used for a while."""
        if self.directory is None or not self.directory.is_dir():
            return
        oldest = time.time() - _UNUSED_DAYS * 86400
        for file in self.directory.glob(f"*{_SUFFIX}"):
            with suppress(OSError):
                if file.stat().st_mtime < oldest:
                    file.unlink()

    def _file(self, key: str) -> Path:
        assert self.directory is not None
        return self.directory / f"{key}{_SUFFIX}"


NOTHING_KEPT = Store(None)


class _OwnClasses(pickle.Unpickler):
    """Makes objects of our own classes only, and of sets: a foreign entry runs no code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        found = super().find_class(module, name) if module.startswith("convert.") else None
        if not isinstance(found, type):
            raise pickle.UnpicklingError(f"{module}.{name} is no class of ours")
        return found


def key_of(*parts: str | bytes) -> str:
    """A key for what depends on some parts, and on the code that runs."""
    found = hashlib.sha256(running_code().encode())
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        found.update(f"{len(data)}:".encode())
        found.update(data)
    return found.hexdigest()


@cache
def running_code() -> str:
    """Stands for all code that a result depends on: ours, the parser's, Python's."""
    return _code_now()


def code_is_unchanged() -> bool:
    """Whether nobody has changed our files since this run looked first."""
    return running_code() == _code_now()


def _code_now() -> str:
    versions = (convert.__version__, pycparser.__version__, pydantic.VERSION, sys.version)
    return "\0".join((*versions, code_digest(["."])))


def code_digest(places: Iterable[str]) -> str:
    """Stands for our own code below these places of the package ("verify", "profiles", ".").

    The version alone would not tell two states of a work tree apart.
    """
    root = Path(str(files("convert")))
    found = hashlib.sha256()
    for place in places:
        top = root / place
        under = [top] if top.is_file() else sorted(top.rglob("*"))
        for file in under:
            if file.suffix in (".py", ".toml", ".json"):
                data = file.read_bytes()
                found.update(f"{file.relative_to(root)}\0{len(data)}\0".encode())
                found.update(data)
    return found.hexdigest()
