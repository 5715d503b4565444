"""An enrichment: aggregates over a link of thirty million lines, the latest of them, and a column of another population.

python -m tests.benchmarks.enrichment --rows 10_000_000 --pairs 5
"""

from __future__ import annotations

from tests.benchmarks.pairs import Benchmark, main

BENCHMARK = Benchmark(
    activities={
        "a": {"type": "query", "where": "id % 3 != 0", "add": {"email": "email"}},
        "b": {"type": "query", "where": "id % 2 = 0", "add": {"number": "id", "points": "score"}},
        "tested": {
            "type": "enrichment",
            "from": "a",
            "with": "b",
            "on": {"id": "number"},
            "finds": "at_most_one",
            "order": ["number"],
            "add": {"spend": "sum(amount of events)", "purchases": "count(events)", "points": "with.points"},
            "lines": [{"of": "events", "order": ["-bought_at", "-amount"], "add": {"last_amount": "amount"}}],
            "refine": "purchases > 0",
        },
    },
    steps={
        "a.result": "select id, email from recipients where id % 3 != 0",
        "b.result": "select id, id as number, score as points from recipients where id % 2 = 0",
        "tested.stage": """
            with totals as (
                select recipient_id, sum(amount) as spend, count(*) as purchases from events
                where exists (select 1 from hand."a.result" a where a.id = recipient_id) group by recipient_id),
            lasts as (
                select recipient_id, max(case when place = 1 then amount end) as last_amount from (
                    select recipient_id, amount, row_number() over (partition by recipient_id
                        order by bought_at desc nulls last, amount desc nulls last, recipient_id, bought_at, amount) as place
                    from events where exists (select 1 from hand."a.result" a where a.id = recipient_id))
                where place <= 1 group by recipient_id)
            select a.id, a.email, t.spend, coalesce(t.purchases, 0) as purchases, b.points, l.last_amount
            from hand."a.result" a left join totals t on t.recipient_id = a.id left join lasts l on l.recipient_id = a.id
            left join (select * from (select *, row_number() over (partition by number order by number, id) as place
                from hand."b.result") where place = 1) b on b.number = a.id""",
        "tested.result": 'select * from hand."tested.stage" where purchases > 0',
        "tested.complement": 'select * from hand."tested.stage" where not purchases > 0',
    },
)

if __name__ == "__main__":
    main(__doc__, BENCHMARK)
