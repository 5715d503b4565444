"""Invented people and their orders, computed from numbers: the same on every machine, and nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from hashlib import md5
from typing import Any

import sqlalchemy as sa

from engine.sql.database import Database

PEOPLE, ORDERS = 300, 900
DAYS = 365
"""The orders are of so many days, the last of them the day before a given one."""

_FIRST = ("Ada", "Bruno", "Chloé", "David", "Elif", "Farid", "Greta", "Hugo", "Inès", "Jonas", "Katja", "Luca", "Mona")
_LAST = ("Abel", "Brandt", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Haddad", "Ivanova", "Jensen", "Kaya")
_CITIES = ("Paris", "Lyon", "Berlin", "Köln", "Madrid", "Roma", "Wien")

_METADATA = sa.MetaData()
_PEOPLE = sa.Table(
    "example_people",
    _METADATA,
    sa.Column("person_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("email", sa.String),
    sa.Column("city", sa.String, nullable=False),
    sa.Column("born_on", sa.Date, nullable=False),
    sa.Column("share_consent", sa.Boolean),
)
_ORDERS = sa.Table(
    "example_orders",
    _METADATA,
    sa.Column("order_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("person_id", sa.Integer, nullable=False),
    sa.Column("amount", sa.Numeric(10, 2), nullable=False),
    sa.Column("ordered_at", sa.Date, nullable=False),
)


def lay_out(db: Database, day: date) -> tuple[tuple[str, ...], Mapping[str, int]]:
    """Make the tables that are not there, with orders until the day before `day`.

    Gives the names of those made, and how many rows every one holds now.
    """
    made, rows = [], {}
    with db.transaction() as connection:
        for table, content in ((_PEOPLE, _people()), (_ORDERS, _orders(day))):
            if not db.dialect.has_table(connection, table.name, None):
                table.create(connection)
                connection.execute(table.insert(), list(content))
                made.append(table.name)
            rows[table.name] = int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
    return tuple(made), rows


def _people() -> Iterator[dict[str, Any]]:
    """Every ninth has no e-mail, every tenth wrote it in capitals; of eleven one said no, of seven one was not asked."""
    for number in range(1, PEOPLE + 1):
        first, last = _FIRST[number % len(_FIRST)], _LAST[number * 7 % len(_LAST)]
        written = f"{first}.{last}.{number}@example.com".replace("é", "e").replace("è", "e")
        yield {
            "person_id": number,
            "name": f"{first} {last}",
            "email": None if number % 9 == 0 else written.upper() if number % 10 == 0 else written.lower(),
            "city": _CITIES[number * 5 % len(_CITIES)],
            "born_on": date(1945, 1, 1) + timedelta(days=number * 7919 % 21_900),
            "share_consent": None if number % 7 == 0 else number % 11 != 0,
        }


def _orders(day: date) -> Iterator[dict[str, Any]]:
    """Who ordered is drawn by md5, so that some ordered often and some never."""
    for number in range(1, ORDERS + 1):
        yield {
            "order_id": number,
            "person_id": int(md5(str(number).encode(), usedforsecurity=False).hexdigest(), 16) % PEOPLE + 1,
            "amount": Decimal(number * 7919 % 14_000 + 500) / 100,
            "ordered_at": day - timedelta(days=DAYS - number * 53 % DAYS),
        }
