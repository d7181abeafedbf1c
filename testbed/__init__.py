"""A whole care region, simulated or as real processes; production never imports it."""
