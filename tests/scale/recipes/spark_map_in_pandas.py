"""Spark: `mapInPandas` opens one client per partition and answers its rows in threads."""

from __future__ import annotations

from collections.abc import Iterator

import pandas
from pyspark.sql import SparkSession

REDIS = "redis://redis.example:6379/0"


def answer(frames: Iterator[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
    from minimax_sync import MiniMaxClient

    with MiniMaxClient(limiter=REDIS, requests_per_second=50) as client:
        for frame in frames:
            results = client.map(frame["prompt"], workers=8)
            yield frame.assign(answer=[result.response.text if result.response else None for result in results])


if __name__ == "__main__":
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    prompts = spark.createDataFrame([(f"prompt {number}",) for number in range(20)], "prompt string").repartition(2)
    for row in prompts.mapInPandas(answer, "prompt string, answer string").collect():
        print(row.answer)
    spark.stop()
