"""Where a scope is best opened and closed, so that reclaim cannot run into what is held."""
