"""Identifiers encrypted by AES-256-CBC: in batches as a share does it, and by a cipher opened for each of them, in pairs.

    python -m tests.benchmarks.encryption --identifiers 1_000_000 --pairs 5

Both sides start with the texts and end with lower-case hex, which is compared. There is no target.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from time import perf_counter

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from activities.connectors.encryption import aes_cbc, written

KEY, IV = bytes(range(32)), bytes(range(16))
BATCH_ROWS = 50_000
"""As many as the engine takes at once."""


def prepare(identifiers: int) -> list[pa.Array]:
    """Give batches of identifiers of one block and of two."""
    texts = [f"C{number:012d}" if number % 2 else f"customer-{number:012d}" for number in range(identifiers)]
    return [pa.array(texts[start : start + BATCH_ROWS]) for start in range(0, identifiers, BATCH_ROWS)]


def by_batch(batches: Sequence[pa.Array]) -> tuple[float, list[str]]:
    """Encrypt as a share does; give the seconds too."""
    begin = perf_counter()
    done = [written(aes_cbc(batch, KEY, IV), "hex") for batch in batches]
    seconds = perf_counter() - begin
    return seconds, [text for batch in done for text in batch.to_pylist()]


def by_value(batches: Sequence[pa.Array]) -> tuple[float, list[str]]:
    """Encrypt each identifier by a cipher of its own; give the seconds too."""
    begin = perf_counter()
    done = [_encrypted(text) for batch in batches for text in batch.to_pylist()]
    return perf_counter() - begin, done


def _encrypted(text: str) -> str:
    padder, encryptor = PKCS7(128).padder(), Cipher(AES(KEY), CBC(IV)).encryptor()
    padded = padder.update(text.encode()) + padder.finalize()
    return (encryptor.update(padded) + encryptor.finalize()).hex()


def compare(identifiers: int, pairs: int) -> list[tuple[float, float]]:
    """Run both in pairs; who begins changes from pair to pair. SystemExit when they do not give the same."""
    batches, found = prepare(identifiers), []
    for number in range(pairs):
        if number % 2:
            value, batch = by_value(batches), by_batch(batches)
        else:
            batch, value = by_batch(batches), by_value(batches)
        if batch[1] != value[1]:
            raise SystemExit("the sides differ")
        found.append((batch[0], value[0]))
        print(f"pair {number + 1}: batches {batch[0]:.2f} s, one by one {value[0]:.2f} s", flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identifiers", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args(arguments)
    found = compare(given.identifiers, given.pairs)
    batches, single = (statistics.median(side) for side in zip(*found, strict=True))
    print(f"{given.identifiers:,} identifiers, medians: batches {batches:.2f} s, one by one {single:.2f} s")


if __name__ == "__main__":
    main()
