"""Components by alternating stars are those of scipy, of any graph."""

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mathmill.corpus.components import components
from mathmill.corpus.session import spark_session
from mathmill.recipe_file import load_recipe

Edges = list[tuple[int, int]]


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return spark_session(load_recipe("demo"))


def _found(spark: SparkSession, folder: Path, edges: Edges) -> tuple[dict[int, int], int]:
    def write(table: DataFrame, name: str) -> DataFrame:
        table.write.parquet(str(folder / name))
        return spark.read.schema(table.schema).parquet(str(folder / name))

    rows = [(max(edge), min(edge)) for edge in edges]
    table, rounds = components(spark.createDataFrame(rows, "greater long, smaller long"), write)
    nodes = [(row["id"], row["component"]) for row in table.collect()]
    assert len(nodes) == len(dict(nodes))
    return dict(nodes), rounds


def _expected(edges: Edges) -> dict[int, int]:
    nodes, places = np.unique(edges, return_inverse=True)
    left, right = places.reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(edges)), (left, right)), (len(nodes), len(nodes)))
    labels = connected_components(graph, directed=False)[1]
    smallest = [nodes[labels == label].min() for label in range(labels.max() + 1)]
    return {int(node): int(smallest[label]) for node, label in zip(nodes, labels, strict=True)}


def _families() -> dict[str, Edges]:
    """Graphs over 0 … n - 1."""
    generator = random.Random(1)
    hub = [(0, leaf) for leaf in range(1, 100)]
    random_graphs = [
        [(generator.randrange(nodes), generator.randrange(nodes)) for _ in range(edges)]
        for nodes, edges in ((5, 3), (40, 20), (200, 150), (200, 300), (1, 1))
    ]
    return {
        "chain": list(pairwise(range(64))),
        "cycle": [*pairwise(range(57)), (56, 0)],
        "star": hub,
        "two stars with a bridge": [*hub, *((100, leaf) for leaf in range(101, 200)), (17, 120)],
        "clique": [(one, other) for one in range(15) for other in range(one)],
        "grid": [(12 * y + x, 12 * y + x + step) for y in range(11) for x in range(11) for step in (1, 12)],
        "edge twice": [(0, 1), (0, 1), (1, 0)],
        "alone": [(0, 0)],
        **{f"random {number}": graph for number, graph in enumerate(random_graphs)},
    }


def test_components_of_many_graphs_at_once(spark: SparkSession, tmp_path: Path) -> None:
    """Every family with its nodes in order, in reverse and under random 64-bit names, all in one graph."""
    generator = random.Random(2)
    edges: Edges = []
    for place, family in enumerate(_families().values()):
        base = 10_000 * place
        names = {node: generator.randrange(-(2**63), 2**63) for edge in family for node in edge}
        edges += [(base + one, base + other) for one, other in family]
        edges += [(-base - one - 1, -base - other - 1) for one, other in family]
        edges += [(names[one], names[other]) for one, other in family]
    generator.shuffle(edges)
    found, rounds = _found(spark, tmp_path, edges)
    assert found == _expected(edges)
    # The distance to the smallest node of a chain in order halves in each round, and the longest has 64 nodes.
    assert rounds <= 7


def test_rounds_grow_with_the_logarithm_of_a_chain(spark: SparkSession, tmp_path: Path) -> None:
    generator = random.Random(3)
    rounds = []
    for length in (10, 300):
        names = generator.sample(range(10**9), length)
        found, count = _found(spark, tmp_path / str(length), list(pairwise(names)))
        assert set(found.values()) == {min(names)}
        rounds.append(count)
    assert rounds[1] <= rounds[0] + 5


def test_a_star_needs_no_round(spark: SparkSession, tmp_path: Path) -> None:
    assert _found(spark, tmp_path, [(0, leaf) for leaf in range(5)]) == (dict.fromkeys(range(5), 0), 0)


def test_a_graph_without_edges(spark: SparkSession, tmp_path: Path) -> None:
    assert _found(spark, tmp_path, []) == ({}, 0)
