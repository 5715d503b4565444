"""A file handed over to S3 by the engine's store, and by a bare multipart upload of Amazon's own client, in pairs.

    python tests/benchmarks/upload.py --megabytes 200 --pairs 5

The server is moto's, in a process of its own; both sides put the same file into the same bucket over loopback, each with a client of its
own that is warm. The other side is `upload_file` of boto3 as it comes. `ratio` is the other side's time by the engine's: 0.7 is the least
that is wanted. What moto takes to hold the parts together is the same for both.
"""

from __future__ import annotations

import argparse
import random
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import boto3

from activities.connectors.object_store import StoreSettings, open_store
from engine.kit.connector import Surroundings

BUCKET, KEY = "benchmark", "date=2026-11-23/ftp_dpm_1234_1795422600.sync.gz"
VARIABLES = {"STORE_ID": "benchmark", "STORE_SECRET": "benchmark"}
SERVER = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"
LONGEST_START = 60

Put = Callable[[], None]


def prepare(folder: Path, megabytes: int) -> Path:
    """Write a file that does not compress, as a file of identifiers that is compressed already."""
    file = folder / "file.gz"
    chance = random.Random(7)  # noqa: S311 - the same bytes every time
    with file.open("wb") as content:
        for _ in range(megabytes):
            content.write(chance.randbytes(1 << 20))
    return file


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run moto's server in a process of its own; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdout=log, stderr=log)  # noqa: S603
    try:
        for _ in range(LONGEST_START * 10):
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", port)) == 0:
                    break
            sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def sides(folder: Path, file: Path, endpoint: str) -> tuple[Put, Put, Any]:
    """Give both ways to put the file, and the client to look at what came."""
    keys = {"aws_access_key_id": "benchmark", "aws_secret_access_key": "benchmark"}
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    client.create_bucket(Bucket=BUCKET)
    settings = StoreSettings.model_validate(
        {
            "url": f"s3://{BUCKET}/engine",
            "region": "us-east-1",
            "endpoint": endpoint,
            "access_key_id": {"env": "STORE_ID"},
            "secret_access_key": {"env": "STORE_SECRET"},
        }
    )
    surroundings = Surroundings(
        sections={}, folder=folder, state_folder=folder, clock=lambda: datetime.now(UTC), environment="benchmark",
        is_environment_named=True, variables=VARIABLES,
    )  # fmt: skip
    store = open_store(settings, surroundings)

    def by_engine() -> None:
        store.put(file, KEY)

    def bare() -> None:
        client.upload_file(str(file), BUCKET, f"bare/{KEY}")

    return by_engine, bare, client


def agree(file: Path, client: Any) -> None:
    """Stop unless both objects are the file."""
    for side in ("engine", "bare"):
        held = client.get_object(Bucket=BUCKET, Key=f"{side}/{KEY}")["Body"].read()
        if held != file.read_bytes():
            raise SystemExit(f"the object of {side} is not the file")


def seconds(put: Put) -> float:
    begun = perf_counter()
    put()
    return perf_counter() - begun


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audienceflow-") as temporary:
        folder = Path(temporary)
        file = prepare(folder, given.megabytes)
        with served(folder) as endpoint:
            by_engine, bare, client = sides(folder, file, endpoint)
            by_engine(), bare()  # what is loaded and connected once is not counted
            agree(file, client)
            pairs = []
            for number in range(given.pairs):
                if number % 2:
                    other, ours = seconds(bare), seconds(by_engine)
                else:
                    ours, other = seconds(by_engine), seconds(bare)
                pairs.append((ours, other))
                print(f"pair {number + 1}: engine {ours:.2f} s, bare {other:.2f} s, {other / ours:.3f}", flush=True)
    ours, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    each = [other / ours for ours, other in pairs]
    print(
        f"{given.megabytes} MB: {given.megabytes / ours:.0f} MB/s; ratio of medians {other / ours:.3f} (pairs {min(each):.3f} to {max(each):.3f})"
    )


if __name__ == "__main__":
    main()
