"""Sizes of types and of expressions over them, read from the tree's own headers.

The data model is that of 64-bit Linux (LP64, alignment as in the x86-64 psABI). What depends on
the configuration is a range that holds in every configuration; what cannot be shown is no number.
"""
