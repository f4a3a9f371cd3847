"""Where results are kept between runs, and how they are written so that no half is ever read."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

import platformdirs


def cache_dir() -> Path:
    """The user's cache directory for this tool; it may not exist yet (`write_atomic` makes it)."""
    return Path(platformdirs.user_cache_dir("kmem-convert", appauthor=False))


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    Missing directories are made. A new file has the permissions that the user's umask gives, an
    old one keeps its own. Raises OSError; then the old file is as it was and no temporary file is
    left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not mkstemp(): its files are for their owner alone, and results are there to be shared.
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            if path.exists():
                temporary.chmod(path.stat().st_mode & 0o777)
            file.write(data)
        temporary.replace(path)
    except BaseException:  # Ctrl-C too: whatever happens, the temporary file goes
        with suppress(OSError):
            temporary.unlink()
        raise
