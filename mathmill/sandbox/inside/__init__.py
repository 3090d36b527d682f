"""What runs inside a sandbox. Standard library only, and nothing else of mathmill: neither can be seen there."""
