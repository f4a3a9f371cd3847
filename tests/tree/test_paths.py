from __future__ import annotations

import pytest

from convert.errors import InputError
from convert.tree.paths import tree_path


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        pytest.param("fs/xfs", "fs/xfs", id="plain"),
        pytest.param("", "", id="top, empty"),
        pytest.param(".", "", id="top, dot"),
        pytest.param("./fs//xfs/", "fs/xfs", id="slashes and dots"),
        pytest.param("fs/../mm", "mm", id="dots inside the tree"),
        pytest.param("fs/..", "", id="back to the top"),
        pytest.param("..a/b", "..a/b", id="a name that starts with dots"),
        pytest.param("a b/ü", "a b/ü", id="blank and letter beyond ASCII"),
    ],
)
def test_one_spelling(path: str, clean: str) -> None:
    assert tree_path(path) == clean


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("..", "leads out of the tree", id="parent"),
        pytest.param("../other", "leads out of the tree", id="sibling"),
        pytest.param("fs/../../etc", "leads out of the tree", id="out in the middle"),
        pytest.param("/etc/passwd", "absolute path", id="absolute"),
        pytest.param("a\0b", "NUL", id="NUL"),
    ],
)
def test_refused(path: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        tree_path(path)
