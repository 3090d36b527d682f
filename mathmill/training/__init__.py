"""Pretraining, instruction tuning and reward models, on DeepSpeed."""
