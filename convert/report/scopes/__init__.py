"""Scope proofs as text, JSON and graphs."""
