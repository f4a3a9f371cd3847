"""Hazards and the scopes that would be placed for them, as text, JSON and HTML."""
