"""Telling what is being done while it takes time."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Is given a few words each time something else begins."""


def silent(_: str) -> None:
    """Tell nobody."""
