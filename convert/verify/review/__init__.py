"""Reviewing a series of patches, whoever wrote it, for what it changes in allocations."""
