"""Reinforcement learning as the paper unifies it: data source, reward function, gradient coefficient."""
