"""A split: a sticky control group, the best by score, a random share, those of a city; the rest is the complement.

python -m tests.benchmarks.split --rows 10_000_000 --pairs 5
"""

# ruff: noqa: S608 - the SQL is ours, and text on purpose
from __future__ import annotations

from tests.benchmarks.pairs import Benchmark, main

BUCKET = "cast('0x' || left(md5('benchmark.tested.control:' || cast(id as varchar)), 8) as bigint) % 10000"
HASH = "md5('benchmark.tested.some:' || cast(id as varchar))"

BENCHMARK = Benchmark(
    activities={
        "a": {"type": "query", "add": {"city": "city", "score": "score"}},
        "tested": {
            "type": "split",
            "from": "a",
            "subsets": {
                "control": {"limit": {"percent": "10", "by": "random", "sticky": "true"}},
                "best": {"where": "row.score > 500", "limit": {"percent": "20", "by": "-row.score"}},
                "some": {"limit": {"percent": "10", "by": "random"}},
                "near": {"where": "row.city like 'City 1%'"},
            },
        },
    },
    steps={
        "a.result": "select id, city, score from recipients",
        "tested.stage": f"""
            with controlled as (select *, {BUCKET} < 1000 as is_control from hand."a.result"),
            ranked as (select *, not is_control and coalesce(score > 500, false) as is_able,
                row_number() over (partition by not is_control and coalesce(score > 500, false)
                    order by score desc nulls last, id) as place from controlled),
            best as (select *, is_able and place * 100 <= (select count(*) from hand."a.result") * 20 + 50 as is_best from ranked),
            drawn as (select *, not is_control and not is_best as is_left,
                row_number() over (partition by not is_control and not is_best order by {HASH}, id) as place_drawn from best)
            select id, city, score, case when is_control then 0 when is_best then 1
                when is_left and place_drawn * 100 <= (select count(*) from hand."a.result") * 10 + 50 then 2
                when city like 'City 1%' then 3 end as subset from drawn""",
        "tested.control": 'select id, city, score from hand."tested.stage" where subset = 0',
        "tested.best": 'select id, city, score from hand."tested.stage" where subset = 1',
        "tested.some": 'select id, city, score from hand."tested.stage" where subset = 2',
        "tested.near": 'select id, city, score from hand."tested.stage" where subset = 3',
        "tested.complement": 'select id, city, score from hand."tested.stage" where subset is null',
    },
)

if __name__ == "__main__":
    main(__doc__, BENCHMARK)
