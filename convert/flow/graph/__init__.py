"""The call graph of the chosen paths, and what calls into them from outside."""
