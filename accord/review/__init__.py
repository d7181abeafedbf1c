"""The review queue: what a privacy officer looks at, one by one, after glass was broken or somebody asked too much."""
