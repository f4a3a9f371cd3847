"""Edits that open and close a scope where the analysis wants it, as a maintainer writes them."""
