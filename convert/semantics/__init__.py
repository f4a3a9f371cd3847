"""Gfp masks, wrapper flags and the contracts of allocators."""
