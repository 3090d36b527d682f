"""mathmill: from the public web to a mathematical reasoning model (after arXiv 2402.03300)."""

__version__ = "0.1.0"
