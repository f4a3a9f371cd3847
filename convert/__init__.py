"""Kmem wrappers and ``GFP_NOFS`` in Linux filesystems, converted as reviewable patches."""

__version__ = "0.1.0"
