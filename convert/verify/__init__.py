"""Checks of a finished series: building each commit, the tree's own style checker."""
