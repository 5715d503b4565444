"""An intersection of two populations with its complement.

python -m tests.benchmarks.intersection --rows 10_000_000 --pairs 5
"""

from __future__ import annotations

from tests.benchmarks.pairs import Benchmark, main

BENCHMARK = Benchmark(
    activities={
        "a": {"type": "query", "where": "id % 3 != 0", "add": {"email": "email"}},
        "b": {"type": "query", "where": "id % 2 = 0", "add": {"city": "city"}},
        "tested": {"type": "intersection", "from": ["a", "b"]},
    },
    steps={
        "a.result": "select id, email from recipients where id % 3 != 0",
        "b.result": "select id, city from recipients where id % 2 = 0",
        "tested.result": 'select * from hand."a.result" a where exists (select 1 from hand."b.result" b where b.id = a.id)',
        "tested.complement": """
            select id, email, null::varchar as city from hand."a.result" a where not exists (select 1 from hand."b.result" b where b.id = a.id)
            union all select id, null, city from hand."b.result" b where not exists (select 1 from hand."a.result" a where a.id = b.id)""",
    },
)

if __name__ == "__main__":
    main(__doc__, BENCHMARK)
