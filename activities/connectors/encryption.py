"""Encrypting identifiers: AES in CBC mode with PKCS padding, in Arrow batches, as no database does it alike.

NIST SP 800-38A (CBC), RFC 5652 §6.3 (padding); Adobe Campaign, declared IDs.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from engine.kit.connector import Surroundings
from engine.kit.errors import DataError
from engine.kit.option import Options, Secret, option

if TYPE_CHECKING:  # Arrow is heavy, and a project is read without it
    import pyarrow as pa

BLOCK_BYTES = 16
KEY_BYTES = (16, 24, 32)

Encrypt = Callable[["pa.Array"], "pa.Array"]
"""Encrypts texts; the same text gives the same text, and another one another. A null stays one."""


class EncryptionSettings(Options):
    """How a declared id is encrypted before it travels: AES-CBC with PKCS padding, as the web site does it."""

    key: Secret = option(
        "The key in hex: 32, 48 or 64 digits, for AES with 128, 192 or 256 bits.", example={"env": "AES_KEY"}, secret=True
    )  # fmt: skip
    iv: Secret = option(
        "The initialisation vector in hex: 32 digits, the same for every identifier.", example={"env": "AES_IV"}, secret=True
    )  # fmt: skip
    encoding: Literal["hex", "base64"] = option(
        "How the encrypted bytes are written: lower-case hex, or base64 with its padding; there is no default.",
        example="hex",
    )


def connect(surroundings: Surroundings) -> Callable[[EncryptionSettings], Encrypt]:
    """Give what opens an encryption of the project. DataError where a secret is missing or of no use, or the library is."""

    def opened(settings: EncryptionSettings) -> Encrypt:
        if find_spec("cryptography") is None:
            raise DataError(
                "encrypting identifiers needs the library 'cryptography'", "pip install 'audienceflow[aes]'"
            )
        key, iv = _bytes("key", settings.key, surroundings), _bytes("iv", settings.iv, surroundings)
        return lambda texts: written(aes_cbc(texts, key, iv), settings.encoding)

    return opened


def _bytes(name: str, secret: Secret, surroundings: Surroundings) -> bytes:
    sizes = KEY_BYTES if name == "key" else (BLOCK_BYTES,)
    written = secret.reveal(surroundings.variables, surroundings.folder)
    try:
        value = bytes.fromhex(written)
    except ValueError:
        value = b""
    if len(value) not in sizes or 2 * len(value) != len(written):
        wanted = " or ".join(str(2 * size) for size in sizes)
        raise DataError(
            f"the {name} of 'encrypt', kept in {secret.name}, is not {wanted} hex digits", "write its bytes in hex"
        ) from None
    return value


def aes_cbc(values: pa.Array, key: bytes, iv: bytes) -> pa.LargeBinaryArray:
    """Encrypt each value by itself, padded; all first blocks at once, then all second ones.

    Block by block over all values, CBC is an exclusive-or and ECB: a cipher opened for each value would cost ten times as much.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    filled = pc.fill_null(values.cast(pa.large_binary()), b"")
    lengths = pc.binary_length(filled).to_numpy(zero_copy_only=False)
    counts = lengths // BLOCK_BYTES + 1
    firsts = np.cumsum(counts) - counts
    padded = np.repeat((counts * BLOCK_BYTES - lengths).astype(np.uint8), counts * BLOCK_BYTES)
    shifts = firsts * BLOCK_BYTES - (np.cumsum(lengths) - lengths)
    padded[np.arange(lengths.sum()) + np.repeat(shifts, lengths)] = np.frombuffer(_joined(filled), np.uint8)
    blocks, cipher = padded.reshape(-1, BLOCK_BYTES), Cipher(AES(key), ECB()).encryptor()  # noqa: S305  (see above)
    before: Any = np.frombuffer(iv, np.uint8)
    for place in range(int(counts.max(initial=0))):
        at = firsts[counts > place] + place
        mixed = blocks[at] ^ (blocks[at - 1] if place else before)
        blocks[at] = np.frombuffer(cipher.update(mixed.tobytes()), np.uint8).reshape(-1, BLOCK_BYTES)
    ends = np.concatenate([[0], np.cumsum(counts * BLOCK_BYTES)]).astype(np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(blocks.tobytes())]
    encrypted = pa.Array.from_buffers(pa.large_binary(), len(values), buffers)
    return pc.if_else(pc.is_valid(values), encrypted, None)


def written(encrypted: pa.LargeBinaryArray, encoding: str) -> pa.Array:
    """Write encrypted values as texts: lower-case hex, or base64."""
    import pyarrow as pa

    write = bytes.hex if encoding == "hex" else lambda value: b64encode(value).decode("ascii")
    return pa.array([None if value is None else write(value) for value in encrypted.to_pylist()], pa.large_string())


def _joined(values: pa.LargeBinaryArray) -> bytes:
    return b"".join(values.to_pylist())
