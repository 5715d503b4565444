"""Encryption: AES-CBC to the byte, by the vectors that NIST publishes, and the edges of its padding."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from activities.connectors.encryption import EncryptionSettings, aes_cbc
from engine.kit.errors import DataError
from tests.contract.world import World

IV = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
NIST = {  # SP 800-38A, F.2.1, F.2.3, F.2.5: the key, and the four blocks of MESSAGE under it
    "2b7e151628aed2a6abf7158809cf4f3c": "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
    "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b": "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
    "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4": "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
    "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
}
KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")


@pytest.mark.parametrize("key", NIST)
def test_the_vectors_of_nist_are_met(key: str) -> None:
    (encrypted,) = aes_cbc(pa.array([MESSAGE]), bytes.fromhex(key), IV).to_pylist()
    assert encrypted[: len(MESSAGE)].hex() == NIST[key]
    assert len(encrypted) == len(MESSAGE) + 16  # a whole block of padding behind whole blocks


def test_every_length_around_whole_blocks_is_padded_as_pkcs_says() -> None:
    values = [None, *(b"\xc3" * length for length in range(50)), None, b"x"]
    decrypted = []
    for encrypted in aes_cbc(pa.array(values, pa.binary()), KEY, IV).to_pylist():
        if encrypted is None:
            decrypted.append(None)
            continue
        decryptor, unpadder = Cipher(AES(KEY), CBC(IV)).decryptor(), PKCS7(128).unpadder()
        decrypted.append(unpadder.update(decryptor.update(encrypted)) + unpadder.finalize())
    assert decrypted == values
    assert aes_cbc(pa.array([], pa.string()), KEY, IV).to_pylist() == []


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_the_bytes_are_written_as_the_setting_says(offline_world: World, encoding: str) -> None:
    settings = declared(offline_world.folder, encoding)
    encrypt = offline_world.execution(offline_world.load("type: query")).connect("encryption")(settings)
    (text,) = encrypt(pa.array(["É-005"])).to_pylist()
    assert (bytes.fromhex if encoding == "hex" else b64decode)(text) == aes_cbc(pa.array(["É-005"]), KEY, IV)[0].as_py()


@pytest.mark.parametrize("wrong", ["00" * 15, "00 " * 16, "secret-of-mine"])
def test_a_secret_of_another_shape_is_refused_and_not_shown(offline_world: World, wrong: str) -> None:
    settings = declared(offline_world.folder)
    offline_world.write("aes.iv", wrong)
    encryption = offline_world.execution(offline_world.load("type: query")).connect("encryption")
    with pytest.raises(DataError, match=r"the iv of 'encrypt', kept in aes\.iv, is not 32 hex digits") as caught:
        encryption(settings)
    assert wrong not in str(caught.value)


def declared(folder: Path, encoding: str = "hex") -> EncryptionSettings:
    """Write the secrets into files of the project, and declare them."""
    (folder / "aes.key").write_text(KEY.hex() + "\n", encoding="ascii")
    (folder / "aes.iv").write_text(IV.hex() + "\n", encoding="ascii")
    written = {"key": {"file": "aes.key"}, "iv": {"file": "aes.iv"}, "encoding": encoding}
    return EncryptionSettings.model_validate(written)
