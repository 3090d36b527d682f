"""The rules by which the paper's own evaluation grades."""
