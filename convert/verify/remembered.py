"""Results that are kept between runs, by everything that they depend on.

An entry is one small JSON file. Its name is a digest of what it depends on: trees, configuration,
versions of the tools, and the code of the check itself. Nothing in it ever has to be invalidated;
what is no longer asked for goes when it has not been used for a while.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.tree.cache import write_atomic

_UNUSED_DAYS = 60


@dataclass(frozen=True)
class Remembered:
    """Entries below a directory; with None nothing is kept."""

    directory: Path | None

    def load(self, key: Mapping[str, object]) -> Any:
        """What was stored under a key; None if there is nothing, or a damaged entry."""
        if self.directory is None:
            return None
        file = self._file(key)
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        with suppress(OSError):
            os.utime(file)  # so that it counts as used
        return document

    def store(self, key: Mapping[str, object], document: object) -> None:
        """Keep a result (of JSON's types) under a key; a full disk only costs the entry."""
        if self.directory is None:
            return
        with suppress(OSError):
            write_atomic(self._file(key), json.dumps(document).encode("ascii"))

    def prune(self) -> None:
        """Remove the entries that no run has used for a while."""
        if self.directory is None or not self.directory.is_dir():
            return
        oldest = time.time() - _UNUSED_DAYS * 86400
        for file in self.directory.glob("*.json"):
            with suppress(OSError):
                if file.stat().st_mtime < oldest:
                    file.unlink()

    def _file(self, key: Mapping[str, object]) -> Path:
        assert self.directory is not None
        text = json.dumps(key, sort_keys=True, default=str)
        return self.directory / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
