"""Every option of every activity has a test that shows what it does; `tests/option_uses.py` holds those tests to it."""

from __future__ import annotations

from pathlib import Path

from tests.option_uses import all_options, table

ROOT = Path(__file__).parents[2]


def test_every_option_is_set_by_a_test() -> None:
    shown = table()
    assert [option for option in all_options() if not shown.get(option)] == []
    assert [option for option in shown if option not in all_options()] == []


def test_every_test_of_the_table_exists() -> None:
    for test in filter(None, table().values()):
        file, _, name = test.partition("::")
        text = (ROOT / file).read_text()
        assert (f"def {name.partition('[')[0]}(" if file.endswith(".py") else f"name: {name}\n") in text, test
