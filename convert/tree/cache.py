"""Where results are kept between runs, and how they are written so that no half is ever read."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import platformdirs


def cache_dir() -> Path:
    """The user's cache directory for this tool; it may not exist yet (`write_atomic` makes it)."""
    return Path(platformdirs.user_cache_dir("kmem-convert", appauthor=False))


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    Missing directories are made. Raises OSError; then the old file is as it was and no temporary
    file is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:  # Ctrl-C too: whatever happens, the temporary file goes
        with suppress(OSError):
            Path(temporary).unlink()
        raise
