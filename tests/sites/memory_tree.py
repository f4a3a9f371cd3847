"""A kernel tree in memory."""

from __future__ import annotations

from collections.abc import Mapping

from convert.errors import InputError


class MemoryTree:
    """Files by path; see convert.tree.kernel.KernelTree."""

    def __init__(self, files: Mapping[str, str | bytes], revision: str | None = None) -> None:
        self._files = {
            path: data if isinstance(data, bytes) else data.encode("latin-1")
            for path, data in files.items()
        }
        self._revision = revision

    @property
    def name(self) -> str:
        return "memory"

    @property
    def revision(self) -> str | None:
        return self._revision

    def read(self, path: str) -> bytes:
        return self._files[path]

    def exists(self, path: str) -> bool:
        return any(file == path or file.startswith(f"{path}/") for file in self._files)

    def files(self, under: str = "") -> tuple[str, ...]:
        found = [
            file
            for file in self._files
            if not under or file == under or file.startswith(f"{under}/")
        ]
        if not found:
            raise InputError(f"{under}: not in the tree")
        return tuple(sorted(found))
