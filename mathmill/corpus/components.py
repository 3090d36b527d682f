"""Connected components of a graph that fits no machine's memory, by alternating stars.

Kiveris, Lattanzi, Mirrokni, Rastogi and Vassilvitskii, Connected components in MapReduce and beyond, 2014: a round of
the two operations below neither joins nor parts components nor adds edges, and after O(log^2 n) rounds, in practice a
few, each component is a star around its smallest node.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Write = Callable[["DataFrame", str], "DataFrame"]
"""Writes a table under a name, and gives it back as read from there."""


def components(edges: "DataFrame", write: Write) -> tuple["DataFrame", int]:
    """The component of each node of a graph, named after its smallest node.

    Args:
        edges: `greater` and `smaller`, two longs; equal ones stand for a node that may have no other edge.
        write: keeps the edges between rounds, so that no round is computed twice.

    Returns:
        A table of `id` and `component`, and the number of rounds.
    """
    stars, is_done = _written(_small_stars(edges), write, "stars-0")
    rounds = 0
    while not is_done:
        rounds += 1
        stars, is_done = _written(_small_stars(_large_stars(stars)), write, f"stars-{rounds}")
    return stars.toDF("id", "component"), rounds


def _large_stars(edges: "DataFrame") -> "DataFrame":
    """Link each node's greater neighbours to the smallest of its neighbourhood."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    both = edges.union(edges.select("smaller", "greater")).toDF("node", "neighbour")
    smallest = F.least("node", F.min("neighbour").over(Window.partitionBy("node")))
    stars = both.select("node", F.col("neighbour").alias("greater"), smallest.alias("smaller"))
    return stars.where("greater >= node").select("greater", "smaller")


def _small_stars(edges: "DataFrame") -> "DataFrame":
    """Link each node and its smaller neighbours to the smallest of them, which is linked to itself."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    smallest = F.min("smaller").over(Window.partitionBy("greater")).alias("smallest")
    ends = F.when(F.col("smaller") == F.col("smallest"), F.array("greater", "smallest")).otherwise(F.array("smaller"))
    stars = edges.select("greater", "smaller", smallest).select(F.explode(ends).alias("greater"), "smallest")
    # Spread by one column, so that the count of a node's stars below needs no other shuffle.
    return stars.withColumnRenamed("smallest", "smaller").repartition("greater").distinct()


def _written(stars: "DataFrame", write: Write, name: str) -> tuple["DataFrame", bool]:
    """The edges as written, and whether each node is linked once, thus to a centre, since centres are to themselves."""
    from pyspark.sql import Observation, Window
    from pyspark.sql import functions as F

    seen = Observation()
    links = F.count(F.lit(1)).over(Window.partitionBy("greater"))
    counted = stars.withColumn("links", links).observe(seen, F.count_if(F.col("links") > 1).alias("torn"))
    return write(counted.drop("links"), name), seen.get["torn"] == 0
