"""Read-only adapters of the source port, one for each kind of system that care providers have."""
