"""Questions, answer checking and accuracy."""
