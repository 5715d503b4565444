"""An exclusion of two populations with its complement.

python -m tests.benchmarks.exclusion --rows 10_000_000 --pairs 5
"""

# ruff: noqa: S608 - the SQL is ours, and text on purpose
from __future__ import annotations

from tests.benchmarks.pairs import Benchmark, main

OTHERS = """exists (select 1 from hand."b.result" b where b.id = a.id) or exists (select 1 from hand."c.result" c where c.id = a.id)"""

BENCHMARK = Benchmark(
    activities={
        "a": {"type": "query", "where": "id % 3 != 0", "add": {"email": "email"}},
        "b": {"type": "query", "where": "id % 2 = 0", "add": {"city": "city"}},
        "c": {"type": "query", "where": "id % 5 = 0"},
        "tested": {"type": "exclusion", "from": "a", "exclude": ["b", "c"]},
    },
    steps={
        "a.result": "select id, email from recipients where id % 3 != 0",
        "b.result": "select id, city from recipients where id % 2 = 0",
        "c.result": "select id from recipients where id % 5 = 0",
        "tested.result": f'select * from hand."a.result" a where not ({OTHERS})',
        "tested.complement": f'select * from hand."a.result" a where {OTHERS}',
    },
)

if __name__ == "__main__":
    main(__doc__, BENCHMARK)
