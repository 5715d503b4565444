"""Functions of Campaign's, and of SQL's dialects, that have no function of their name here: what to write instead.

The names of Campaign's are those of reference/campaign-workflows.md §5.3; docs/differences-from-campaign.md shows their table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Elsewhere:
    """A function in Campaign's spelling, an expression that does what it did (or none), and the reason."""

    name: str
    write: str
    why: str

    @property
    def fix(self) -> str:
        """Say what to type for it."""
        return f"write {self.write}: {self.why}" if self.write else self.why


def squeezed(name: str) -> str:
    """Give what two spellings of a name share: `AddDays`, `add_days` and `adddays` are one."""
    return name.lower().replace("_", "")


_OVER = "row_number() over (partition by country order by spend desc)"
_ANY_NUMBER = "it takes any number of values"
_LIKE_WINDOWS = "windows are written as in SQL"
_CASE = "case when spend > 100 then 'big' else 'small' end"
_AES = (
    "a key in an expression would stand in the workflow and in the database's log; how an identifier is encoded is declared "
    "with its data source in project.yaml, where the key is a secret"
)
_REPEATED = "what differs each time cannot be resumed, tested or compared"
_SHA = "DuckDB has no longer digests than sha256, and a value must be the same on every database"

_TABLE = (
    Elsewhere("AllNonNull2", "all_non_null(a, b)", _ANY_NUMBER),
    Elsewhere("AllNonNull3", "all_non_null(a, b, c)", _ANY_NUMBER),
    Elsewhere("Case", _CASE, "it is part of the language, as in SQL"),
    Elsewhere("ConvertCurrency", "amount * rate.factor", "rates are a table of yours, joined by a link"),
    Elsewhere("CountAll", "count(*)", "it is count without a value"),
    Elsewhere("Decode", "if_equals(a, b, v, d)", "the two do the same"),
    Elsewhere("Desc", "row_number() over (order by spend desc)", _LIKE_WINDOWS),
    Elsewhere("Else", _CASE, "it is part of the language, as in SQL"),
    Elsewhere("encryption_aescbcDecrypt", "", _AES),
    Elsewhere("encryption_aescbcEncrypt", "", _AES),
    Elsewhere("FormatCurrency", "to_string(amount, 2) || ' ' || currency", "how money is shown depends on the reader, not on the data"),
    Elsewhere("GetDate", "now()", "it is the moment the run is for, so that a resumed run gives the same"),
    Elsewhere("GetMirrorURL", "", "there are no deliveries here, so there are no mirror pages"),
    Elsewhere("IsMemoNull", "memo is null", "a long text is a text"),
    Elsewhere("JuxtWords3", "juxt_words(a, b, c)", _ANY_NUMBER),
    Elsewhere("MemoContains", "contains(memo, s)", "a long text is a text"),
    Elsewhere("newUUID", "md5_digest(run.id || ':' || to_string(id))", _REPEATED),
    Elsewhere("OrderBy", _OVER, _LIKE_WINDOWS),
    Elsewhere("PartitionBy", _OVER, _LIKE_WINDOWS),
    Elsewhere("Random", "bucket(id, 'spring', 100) < 10", _REPEATED),
    Elsewhere("RowId", "row_number() over (order by id)", "the place of a row in a table changes; the key does not"),
    Elsewhere("RowNum", _OVER, _LIKE_WINDOWS),
    Elsewhere("Sha384Digest", "sha256_digest(s)", _SHA),
    Elsewhere("Sha512Digest", "sha256_digest(s)", _SHA),
    Elsewhere("ToInt64", "to_integer(x)", "integers have 64 bits"),
    Elsewhere("ToIntlString", "to_string(n)", "the text of a number never depends on a language"),
    Elsewhere("VirtualLinkStr", "virtual_link(key, a, b)", "the key may be a text"),
    Elsewhere("When", _CASE, "it is part of the language, as in SQL"),
)  # fmt: skip

ELSEWHERE: Mapping[str, Elsewhere] = {squeezed(each.name): each for each in _TABLE}

_TODAY, _MOMENT = "run.date, or run.time for the time too", "now(), or run.date for the date alone"
_PART_OF_A_DATE = "year(date), month(date) or day(date)"
_TRUNCATED = "trunc_month(date), trunc_week(date), trunc_quarter(date) or trunc_year(date)"
_DIFFERENCE, _LATER = "days_diff(end, start)", "add_days(date, n) or date + interval '3 days'"
_CONVERTED = "to_integer(…), to_string(…), to_date(…) or round(…, 2)"
_MATCHED = "contains(text, …), or like: there are no regular expressions"
_PLACE = "charindex(text, part)"
_NO_NULL = "coalesce(a, b)"

FUNCTIONS_OF_SQL: Mapping[str, str] = {
    "age": "years_old(date)", "arrayagg": "string_agg(text of link)", "cast": _CONVERTED, "ceiling": "ceil(number)",
    "charlength": "length(text)", "concat": "a || b, or juxt_words(a, b) for words", "convert": _CONVERTED, "countif": "count(link where …)",
    "curdate": _TODAY, "currentdate": _TODAY, "currenttimestamp": _MOMENT, "date": "to_date(…), or date '2026-11-23'",
    "dateadd": _LATER, "datediff": _DIFFERENCE, "dateformat": _PART_OF_A_DATE, "datepart": _PART_OF_A_DATE, "datesub": "sub_days(date, n)",
    "datetrunc": _TRUNCATED, "dayofweek": "week_day(date)", "extract": _PART_OF_A_DATE, "groupconcat": "string_agg(text of link)",
    "if": "iif(condition, a, b)", "ifnull": _NO_NULL, "initcap": "smart(text)", "instr": _PLACE,
    "isnull": "… is null, or coalesce(a, b)", "lcase": "lower(text)", "len": "length(text)", "listagg": "string_agg(text of link)",
    "locate": _PLACE, "md5": "md5_digest(text)", "median": "avg(value of link): there is no median", "mid": "substring(text, start, length)",
    "newid": "md5_digest(run.id || ':' || to_string(id))", "nullif": "iif(a = b, null, a)", "nvl": _NO_NULL, "position": _PLACE,
    "rand": "bucket(id, 'spring', 100) < 10", "regexplike": _MATCHED, "regexpmatches": _MATCHED, "sha2": "sha256_digest(text)",
    "sha256": "sha256_digest(text)", "stddev": "std_dev(value of link)", "strftime": _PART_OF_A_DATE, "strpos": _PLACE,
    "substr": "substring(text, start, length)", "sysdate": _MOMENT, "tochar": "to_string(…)", "today": _TODAY,
    "tonumber": "to_decimal(text)", "top": "a limit: {count: 10, by: [-spend]} in a split", "ucase": "upper(text)",
    "uuid": "md5_digest(run.id || ':' || to_string(id))",
}  # fmt: skip
"""By their squeezed names, what to write."""

VALUES_OF_SQL: Mapping[str, str] = {
    "current_date": _TODAY, "current_timestamp": _MOMENT, "localtimestamp": _MOMENT, "now": _MOMENT, "sysdate": _MOMENT, "today": _TODAY,
}  # fmt: skip
"""What other languages write without brackets."""

AGGREGATES_OF_OTHERS: Mapping[str, str] = {
    "any": "exists(link where …)", "arrayagg": "string_agg", "average": "avg", "countdistinct": "count_distinct", "countif": "count(link where …)",
    "groupconcat": "string_agg", "highest": "max", "listagg": "string_agg", "lowest": "min", "maximum": "max", "mean": "avg",
    "median": "avg: there is no median", "minimum": "min", "number": "count", "stddev": "std_dev", "total": "sum",
}  # fmt: skip
"""What others call the aggregates of a link, by their squeezed names."""
