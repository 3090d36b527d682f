"""Secrets are known by their keys, and nothing else is hidden."""

import pytest

from mathmill.recipe_file import load_recipe, recipe_names
from mathmill.redaction import HIDDEN, redacted, without_login


@pytest.mark.parametrize(
    "key",
    [
        "spark.hadoop.fs.s3a.secret.key",
        "spark.hadoop.fs.s3a.access.key",
        "spark.hadoop.fs.s3a.session.token",
        "spark.ssl.keyStorePassword",
        "HF_TOKEN",
        "api_key",
        "private-key",
        "credentials",
    ],
)
def test_a_secret_is_hidden_however_deep_it_stands(key: str) -> None:
    assert redacted({"a": [{"conf": {key: "s3cr3t", "b": 1}}]}) == {"a": [{"conf": {key: HIDDEN, "b": 1}}]}
    assert "s3cr3t" not in str(redacted({key: {"user": "s3cr3t", "list": ["s3cr3t"]}}))


@pytest.mark.parametrize("name", recipe_names())
def test_nothing_of_a_shipped_recipe_is_taken_for_a_secret(name: str) -> None:
    values = load_recipe(name).model_dump(mode="json")
    assert redacted(values) == values


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://user:p%40ss@host:5000/path", "http://host:5000/path"),
        ("postgresql+psycopg2://u:p@db/mlflow", "postgresql+psycopg2://db/mlflow"),
        ("https://host/a@b", "https://host/a@b"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("['s3://k:s@one/a', 's3://k:s@two/b']", "['s3://one/a', 's3://two/b']"),
        ("/plain/path", "/plain/path"),
    ],
)
def test_the_login_of_an_address_is_left_out(address: str, shown: str) -> None:
    assert without_login(address) == shown
