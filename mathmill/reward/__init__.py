"""Reward models: what they learn from, how they read solutions and steps, and how far they can be trusted."""
