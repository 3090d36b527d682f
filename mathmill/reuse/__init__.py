"""A stage whose code, settings and inputs are those of an earlier run is not done again."""
