"""Kernel trees: git revisions and directories, read without touching them."""
