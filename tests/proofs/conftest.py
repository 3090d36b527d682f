"""Tiny models to evaluate."""

from tests.tiny_models import make_model

__all__ = ["make_model"]
