"""The tree as a series leaves it is an overlay over the tree that it starts from."""

from convert.tree.overlay import OverlayTree

__all__ = ["OverlayTree"]
