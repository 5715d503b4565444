"""A reconciliation by two keys, an identifier and an e-mail, with all its outputs.

python -m tests.benchmarks.reconciliation --rows 10_000_000 --pairs 5
"""

from __future__ import annotations

from tests.benchmarks.pairs import Benchmark, main

BENCHMARK = Benchmark(
    activities={
        "lines": {
            "type": "query",
            "dimension": "recipient",
            "where": "id % 3 != 0",
            "add": {
                "crm": "case when id % 4 = 0 then null when id % 50 = 1 then 'nobody' "
                "when id % 10 = 2 then 'CRM-' || to_string(id - 1) else crm_id end",
                "mail": "email",
                "points": "score",
            },
        },
        "tested": {
            "type": "reconciliation",
            "from": "lines",
            "dimension": "recipient",
            "keys": [{"crm": "crm_id"}, {"lower(mail)": "lower(email)"}],
            "order": ["-points"],
            "columns": ["mail", "points"],
        },
    },
    steps={
        "lines.result": """
            select id, case when id % 4 = 0 then null when id % 50 = 1 then 'nobody' when id % 10 = 2 then 'CRM-' || (id - 1) else crm_id end as crm,
                email as mail, score as points from recipients where id % 3 != 0""",
        "tested.stage": """
            with lines as (
                select *, case when crm != '' then crm end as first_key,
                    case when coalesce(crm, '') = '' and mail != '' then lower(mail) end as mail_key from hand."lines.result"),
            by_crm as (
                select l.id, count(*) as found, min(r.id) as found_id from lines l join recipients r on r.crm_id = l.first_key group by l.id),
            by_mail as (
                select l.id, count(*) as found, min(r.id) as found_id from lines l
                join recipients r on lower(r.email) = l.mail_key group by l.id),
            found as (
                select l.id, l.crm, l.mail, l.points, coalesce(c.found, m.found, 0) as found, coalesce(c.found_id, m.found_id) as found_id
                from lines l left join by_crm c on c.id = l.id left join by_mail m on m.id = l.id)
            select *, row_number() over (partition by found_id, case when found != 1 then id end order by points desc nulls last, id) as place
            from found""",
        "tested.result": 'select found_id as id, mail, points from hand."tested.stage" where found = 1 and place = 1',
        "tested.unmatched": 'select id, crm, mail, points from hand."tested.stage" where found = 0',
        "tested.ambiguous": 'select id, crm, mail, points from hand."tested.stage" where found > 1',
        "tested.duplicates": 'select id, crm, mail, points from hand."tested.stage" where found = 1 and place > 1',
    },
)

if __name__ == "__main__":
    main(__doc__, BENCHMARK)
