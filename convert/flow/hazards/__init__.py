"""What memory reclaim waits for, and what is held where memory is asked for."""
