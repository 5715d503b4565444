"""What every store does: a file whole under its key or nothing, on a folder, on S3 and on SFTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.kit.errors import DataError
from tests.activities.connectors.object_store.conftest import Kept

KEY = "date=2026-11-23/ftp_dpm_1234_1795422600.sync.gz"


def file_of(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_file_is_there_under_its_key_and_no_other(kept: Kept, tmp_path: Path) -> None:
    assert not kept.store.exists(KEY)
    kept.store.put(file_of(tmp_path, b"one\n"), KEY)
    assert kept.objects() == {KEY: b"one\n"}
    assert kept.store.exists(KEY)
    assert not kept.store.exists(KEY[:-1])
    assert not kept.store.exists("date=2026-11-23")


def test_a_big_file_arrives_whole_and_comes_back_whole(kept: Kept, big: Path, tmp_path: Path) -> None:
    assert kept.store.put(big, KEY) == {"bytes": 9_216_000}
    assert kept.objects() == {KEY: big.read_bytes()}
    fetched = kept.store.fetch(KEY, tmp_path / "new" / "folder" / "big.gz")
    assert fetched == tmp_path / "new" / "folder" / "big.gz"
    assert fetched.read_bytes() == big.read_bytes()
    assert [path.name for path in fetched.parent.iterdir()] == ["big.gz"]


def test_an_empty_file_is_a_file(kept: Kept, tmp_path: Path) -> None:
    kept.store.put(file_of(tmp_path, b""), "empty")
    assert kept.objects() == {"empty": b""}
    assert kept.store.exists("empty")
    assert kept.store.fetch("empty", tmp_path / "back").read_bytes() == b""


def test_putting_the_same_again_changes_nothing(kept: Kept, tmp_path: Path) -> None:
    file = file_of(tmp_path, b"one\n")
    kept.store.put(file, KEY)
    kept.store.put(file, KEY)
    assert kept.objects() == {KEY: b"one\n"}


def test_other_bytes_take_the_place_of_those_before(kept: Kept, tmp_path: Path) -> None:
    kept.store.put(file_of(tmp_path, b"much longer\n"), KEY)
    kept.store.put(file_of(tmp_path, b"short\n"), KEY)
    assert kept.objects() == {KEY: b"short\n"}


def test_keys_are_any_text(kept: Kept, tmp_path: Path) -> None:
    keys = ["Zoë/façade ☃ 100%+#?.gz", "a b.gz", "\U0001f600.gz"]
    for key in keys:
        kept.store.put(file_of(tmp_path, key.encode()), key)
    assert kept.store.list() == sorted(keys)
    assert {key: kept.store.fetch(key, tmp_path / "back").read_bytes().decode() for key in keys} == {
        key: key for key in keys
    }


def test_keys_are_listed_by_their_beginning_in_order(kept: Kept) -> None:
    for key in ("b/two", "b/one", "a", "b", "bc/three", "b/in/deep"):
        if key != "b" or kept.kind == "s3":  # elsewhere a folder is no file
            kept.plant(key, b"x")
    assert kept.store.list("b/") == ["b/in/deep", "b/one", "b/two"]
    assert kept.store.list("b/o") == ["b/one"]
    assert kept.store.list("nothing/") == []
    assert [key for key in kept.store.list() if key != "b"] == ["a", "b/in/deep", "b/one", "b/two", "bc/three"]


def test_more_keys_are_listed_than_one_answer_holds(kept: Kept) -> None:
    for number in range(1_005):
        kept.plant(f"{number:04d}", b"")
    assert kept.store.list() == [f"{number:04d}" for number in range(1_005)]


def test_unfinished_and_hidden_files_are_not_listed(kept: Kept) -> None:
    for key in (".S3_1_2_full_1.sync.gz.0a1b.part", "deep/.hidden", "seen"):
        kept.plant(key, b"x")
    assert kept.store.list() == ["seen"]


def test_what_is_not_there_cannot_be_fetched(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the store .*: there is no object 'nothing/here'"):
        kept.store.fetch("nothing/here", tmp_path / "back")
    assert not (tmp_path / "back").exists()


WRONG_KEYS = ("", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\\b", "a\nb", ".hidden")


def test_a_key_that_leaves_the_store_is_refused(kept: Kept, tmp_path: Path) -> None:
    file = file_of(tmp_path, b"x")
    for key in WRONG_KEYS:
        with pytest.raises(DataError, match="names no file below a folder"):
            kept.store.put(file, key)
        with pytest.raises(DataError, match="names no file below a folder"):
            kept.store.fetch(key, tmp_path / "back")
        with pytest.raises(DataError, match="names no file below a folder"):
            kept.store.exists(key)
    assert kept.objects() == {}


def test_of_two_who_put_one_key_at_once_one_wins_whole(kept: Kept, tmp_path: Path) -> None:
    files = [file_of(tmp_path, bytes([65 + number]) * 300_000, f"file_{number}") for number in range(4)]
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(kept.store.put, file, KEY) for file in [*files, *files]]:
            done.result()
    ((key, content),) = kept.objects().items()  # and nothing unfinished is left
    assert key == KEY
    assert content in [file.read_bytes() for file in files]
