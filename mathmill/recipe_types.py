"""What every section of a recipe is made of."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _with_mode(value: Any) -> Any:
    return {"mode": value} if isinstance(value, str) else value


# A bound that stood outside the validator would be missing from the JSON schema.
WHOLE = BeforeValidator(_whole)
"""For a whole number; `120e9` is one."""
Count = Annotated[int, Field(ge=0), WHOLE]
PositiveCount = Annotated[int, Field(ge=1), WHOLE]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]
MODE_ALONE = BeforeValidator(_with_mode)
"""For a section that may be written as its `mode` alone; `mathmill.recipe_file.SHORT` names them."""


class Section(BaseModel):
    """A part of the recipe: strict about keys and types, immutable, documented by its docstrings."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
