"""What happens to a value in a function."""
