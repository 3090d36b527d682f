"""MLflow: what jobs tell it and how, where it is, and which runs and models it has."""
