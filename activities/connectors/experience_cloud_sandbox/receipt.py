"""What the cloud says about a file it was sent: the counters of Adobe's processing result mail (§A5)."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SAMPLES = 10
"""Places named per kind of fault; Adobe's status report shows as many (§A5)."""


class Fault(StrEnum):
    """What can be wrong with one line; the first three refuse a file where the cloud is helpful, the others are remarked."""

    FORMAT = "format error"
    IDENTIFIER = "invalid id"
    TRAIT = "failed validation"
    UNREALIZED = "no trait realized"
    UNMATCHED = "no matching id"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The judgement on one version of one inbound file.

    `reasons` tells why the file was refused; on an accepted file it holds remarks (lines that were left out or
    realized nothing, lines beyond a limit). A line is named by its number, never by its identifier. Of an
    accepted file, `stored_records` is what is left of `records_processed` without `format_errors`,
    `invalid_ids`, `unmatched_ids` and `no_trait_realized`; of a refused one nothing is stored, realized or
    removed. `realized_traits` counts different pairs of person and trait, held before or not; `removed_traits`
    counts the pairs that were held and no longer are. Adobe does not say what a signal is: here an item.
    """

    file: str
    accepted: bool
    reasons: tuple[str, ...] = ()
    records_received: int = 0
    format_errors: int = 0
    invalid_ids: int = 0
    no_trait_realized: int = 0
    records_processed: int = 0
    stored_records: int = 0
    realized_traits: int = 0
    removed_traits: int = 0
    failed_validation: int = 0
    unmatched_ids: int = 0
    devices: int = 0
    signals: int = 0
    unused_signals: int = 0
    users_failed_validation: int = 0


class Tally:
    """What was counted so far while one file is read."""

    def __init__(self) -> None:
        self.received = 0
        self.signals = 0
        self.unused_signals = 0
        self.lines_failed = 0
        self._refusals: list[str] = []
        self._counts: Counter[Fault] = Counter()
        self._samples: dict[Fault, list[str]] = {fault: [] for fault in Fault}

    def refuse(self, reason: str) -> None:
        """Refuse the file as a whole."""
        self._refusals.append(reason)

    def note(self, fault: Fault, line: int, what: str) -> None:
        """Count one fault; keep its place while there are few of its kind."""
        self._counts[fault] += 1
        if len(self._samples[fault]) < SAMPLES:
            self._samples[fault].append(f"line {line}: {fault}: {what}")

    def count(self, fault: Fault) -> int:
        """Give how many faults of a kind there were."""
        return self._counts[fault]

    @property
    def is_unreadable(self) -> bool:
        """The file as a whole is of no use, to Adobe neither."""
        return bool(self._refusals)

    @property
    def is_faulty(self) -> bool:
        """Adobe would leave something out, of the file or all of it."""
        return self.is_unreadable or any(self._counts[fault] for fault in (Fault.FORMAT, Fault.IDENTIFIER, Fault.TRAIT))

    def reasons(self) -> tuple[str, ...]:
        """Give the refusals, then the samples of each kind of fault in the order of the file."""
        reasons = list(self._refusals)
        for fault, samples in self._samples.items():
            reasons += samples
            if unnamed := self._counts[fault] - len(samples):
                reasons.append(f"{fault}: {unnamed} more")
        return tuple(reasons)

    def refusal(self, file: str) -> Receipt:
        """Give the receipt of a file of which nothing is applied."""
        return Receipt(
            file=file,
            accepted=False,
            reasons=self.reasons(),
            records_received=self.received,
            format_errors=self._counts[Fault.FORMAT],
            invalid_ids=self._counts[Fault.IDENTIFIER],
            no_trait_realized=self._counts[Fault.UNREALIZED],
            records_processed=self.received,
            failed_validation=self._counts[Fault.TRAIT],
        )


def compose_mail(receipt: Receipt, *, started: datetime, ended: datetime) -> str:
    """Write the receipt as the text of a result mail, with Adobe's field names and our reasons below them."""
    fields = {
        "File name": receipt.file,
        "Records received": receipt.records_received,
        "Format Errors": receipt.format_errors,
        "Invalid AAM ID": receipt.invalid_ids,
        "No Matching AAM ID": receipt.unmatched_ids,
        "No Trait Realized": receipt.no_trait_realized,
        "Records processed": receipt.records_processed,
        "Stored Records": receipt.stored_records,
        "Total devices": receipt.devices,
        "Total signals": receipt.signals,
        "Total unused signals": receipt.unused_signals,
        "Total realized traits": receipt.realized_traits,
        "Total removed traits": receipt.removed_traits,
        "Total traits failed validation": receipt.failed_validation,
        "Total users that have traits which failed validation": receipt.users_failed_validation,
        "Job start time": started.isoformat(),
        "Job end time": ended.isoformat(),
    }
    verdict = "accepted" if receipt.accepted else "refused: nothing of this file was applied"
    lines = [
        "Subject: Adobe Audience Manager Server-To-Server Processing Result:",
        "From: aam-noreply@adobe.com (the local Experience Cloud: no mail was sent)",
        "",
        *(f"{name}: {value}" for name, value in fields.items()),
        "",
        f"This file was {verdict}",
        *(f"- {reason}" for reason in receipt.reasons),
    ]
    return "\n".join(lines) + "\n"
