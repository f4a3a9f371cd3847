"""Tests marked ``boot`` build and boot real kernels for many minutes: only `pytest -m boot`."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "boot: builds and boots a real kernel (pytest -m boot)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "boot" in str(config.option.markexpr):
        return
    for item in items:
        if item.get_closest_marker("boot"):
            item.add_marker(pytest.mark.skip(reason="boots a real kernel: pytest -m boot"))
