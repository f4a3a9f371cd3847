"""The nofail scope: its API for the tree at hand, opening it, and converting under it."""
