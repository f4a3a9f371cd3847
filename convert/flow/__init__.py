"""What happens to values, scopes and memory: in a function, and across the program."""
