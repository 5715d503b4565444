"""A deduplication by e-mail, the best score first, with the duplicates.

python -m tests.benchmarks.deduplication --rows 10_000_000 --pairs 5
"""

from __future__ import annotations

from tests.benchmarks.pairs import Benchmark, main

STEP = """
    select id, email, score from (select *, email is null
        or row_number() over (partition by lower(email) order by score desc nulls last, id) = 1 as is_kept from hand."a.result")"""

BENCHMARK = Benchmark(
    activities={
        "a": {"type": "query", "add": {"email": "email", "score": "score"}},
        "tested": {"type": "deduplication", "from": "a", "by": "lower(row.email)", "order": "-row.score"},
    },
    steps={
        "a.result": "select id, email, score from recipients",
        "tested.result": f"{STEP} where is_kept",
        "tested.complement": f"{STEP} where not is_kept",
    },
)

if __name__ == "__main__":
    main(__doc__, BENCHMARK)
