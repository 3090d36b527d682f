"""What models are called in MLflow's registry, and the tags that say where they are and where they come from."""

MODEL_PATH = "mathmill.path"
PARENT_MODEL = "mathmill.parent_model"
CHAMPION = "champion"


def registered_name(recipe_name: str, role: str) -> str:
    """Name in the model registry; `role` is base, instruct, reward or rl."""
    return f"{recipe_name}-{role}"
