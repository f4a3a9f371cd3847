"""Scripts that anyone can run to repeat a figure of the documentation."""
