"""A union of three populations that overlap, each with columns of its own.

python -m tests.benchmarks.union --rows 10_000_000 --pairs 5
"""

from __future__ import annotations

from tests.benchmarks.pairs import Benchmark, main

BENCHMARK = Benchmark(
    activities={
        "a": {"type": "query", "where": "id % 3 != 0", "add": {"email": "email"}},
        "b": {"type": "query", "where": "id % 2 = 0", "add": {"city": "city"}},
        "c": {"type": "query", "where": "id % 5 < 2"},
        "tested": {"type": "union", "from": ["a", "b", "c"]},
    },
    steps={
        "a.result": "select id, email from recipients where id % 3 != 0",
        "b.result": "select id, city from recipients where id % 2 = 0",
        "c.result": "select id from recipients where id % 5 < 2",
        "tested.result": """
            select id, email, null::varchar as city from hand."a.result"
            union all select id, null, city from hand."b.result" b where not exists (select 1 from hand."a.result" a where a.id = b.id)
            union all select id, null, null from hand."c.result" c where not exists (select 1 from hand."a.result" a where a.id = c.id)
                and not exists (select 1 from hand."b.result" b where b.id = c.id)""",
    },
)

if __name__ == "__main__":
    main(__doc__, BENCHMARK)
