"""Scope proofs: whether a call always runs inside an open allocation scope."""
