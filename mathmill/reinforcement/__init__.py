"""Reinforcement learning from rewarded samples of the policy (section 4 of the paper)."""
