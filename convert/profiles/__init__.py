"""Hand-written facts, each with its source: TOML files and the models that check them."""
