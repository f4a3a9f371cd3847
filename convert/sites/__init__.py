"""Finding every place that asks for memory, frees it, carries flags or declares such a thing."""
