"""The demonstration: the whole chain in minutes, on text that is on every machine."""
