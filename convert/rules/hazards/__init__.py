"""The recipes scoped and upstream: scopes placed at hazards, and masks that follow from them."""
