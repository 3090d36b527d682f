"""What pretraining starts from: a checkpoint, or a shape with random weights."""

from typing import Any

import torch

from mathmill.errors import UserError
from mathmill.recipe import LlamaShape, Recipe


def initial_model(recipe: Recipe, tokenizer: Any) -> Any:
    """The model of `recipe.model`, in float32.

    Raises:
        UserError: the checkpoint cannot be loaded, or is too small for the tokenizer or the context.
    """
    from transformers import AutoModelForCausalLM

    if recipe.model.shape is not None:
        model = AutoModelForCausalLM.from_config(_configuration(recipe.model.shape, recipe, tokenizer))
    else:
        try:
            model = AutoModelForCausalLM.from_pretrained(recipe.model.checkpoint, dtype=torch.float32)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"model.checkpoint {recipe.model.checkpoint} cannot be loaded: {reason}") from error
        _check_fits(model.config, recipe, tokenizer)
    if recipe.model.activation_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    return model


def _check_fits(config: Any, recipe: Recipe, tokenizer: Any) -> None:
    if len(tokenizer) > config.vocab_size:
        raise UserError(
            f"the tokenizer has {len(tokenizer)} tokens and model.checkpoint {recipe.model.checkpoint} only"
            f" {config.vocab_size}: tokenise the corpus with the model's own tokenizer"
        )
    if recipe.model.context > config.max_position_embeddings:
        raise UserError(
            f"model.context {recipe.model.context} is more than the {config.max_position_embeddings} positions of"
            f" model.checkpoint {recipe.model.checkpoint}"
        )


def _configuration(shape: LlamaShape, recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.attention_heads,
        num_key_value_heads=shape.key_value_heads,
        tie_word_embeddings=shape.tie_embeddings,
        max_position_embeddings=recipe.model.context,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
