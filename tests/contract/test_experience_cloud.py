"""Every statement of Experience Cloud's contract has a test, or a reason why it has none; the table says which."""

from __future__ import annotations

import re
from pathlib import Path

from tests.experience_cloud_statements import GAPS, STATEMENTS, table

ROOT = Path(__file__).parents[2]


def test_every_statement_has_a_test_or_a_reason() -> None:
    shown = table()
    assert list(shown) == [
        (section, statement) for section, statements in STATEMENTS.items() for statement in statements
    ]
    assert [statement for statement, said in shown.items() if not said] == []
    assert {statement for statement, said in shown.items() if not said.startswith("`")} == GAPS.keys()


def test_every_test_of_the_table_says_what_it_shows() -> None:
    for (section, statement), said in table().items():
        for file, name in re.findall(r"`([^`]*\.py)::(\w+)`", said):
            text = (ROOT / file).read_text()
            assert f"def {name}(" in text, name
            assert f'"{section}", "{statement}"' in text, (section, statement, file)
