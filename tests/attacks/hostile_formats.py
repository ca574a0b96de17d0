"""Files that are no joblib file at all, or only a part of one, or more than one."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator

from tests.attacks.honest import honest_pipeline
from tests.attacks.hostile import Hostile, hostile

LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:2f634166ac9822f4b064cfe8afc39e99b8b0f228b2940515fdff148666ccf46a\nsize 57585\n"
)
HTML = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n"


def files() -> Iterator[Hostile]:
    yield from _other_formats()
    yield from _cut_short()
    yield from _more_than_one()


def _other_formats() -> Iterator[Hostile]:
    honest = honest_pipeline()
    for name, data in {
        "empty": b"",
        "one byte": b"\x80",
        "text": b"not a model\n",
        "a number": b"1\n",
        "HTML": HTML,
        "HTML after a newline": b"\n" + HTML,
        "JSON": b'{"message": "Not Found"}',
        "LFS pointer": LFS_POINTER,
        "zip": zipped({"model.pkl": honest}),
        "gzip": gzip.compress(honest, mtime=0),
        "gzip bomb": gzip.compress(bytes(20_000_000), mtime=0),
        "zlib": zlib.compress(honest),
        "zlib, fastest": zlib.compress(honest, 1),
        "zlib, best": zlib.compress(honest, 9),
        "zlib bomb": zlib.compress(bytes(20_000_000)),
        "bz2": bz2.compress(honest),
        "xz": lzma.compress(honest),
        "lzma": lzma.compress(honest, format=lzma.FORMAT_ALONE),
        "lz4": b"\x04\x22\x4d\x18" + bytes(20),
        "zstandard": b"\x28\xb5\x2f\xfd" + bytes(20),
        "joblib before 0.10": b"ZF0x1a" + b" " * 16 + zlib.compress(honest),
        "numpy array": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'}",
        "safetensors": b"\x10\x00\x00\x00\x00\x00\x00\x00" + b'{"__metadata__"}',
        "ONNX": b"\x08\x08\x12\x07skl2onnx",
        "HDF5": b"\x89HDF\r\n\x1a\n",
        "PNG": b"\x89PNG\r\n\x1a\n",
        "program": b"\x7fELF\x02\x01\x01",
        "UTF-16": "\ufeffmodel".encode("utf-16-le"),
        "zeros": bytes(100),
        "a space before the pickle": b" " + honest,
        "pickle of protocol 0": b"ccopy_reg\n_reconstructor\n.",
        "pickle of protocol 1": b"csklearn.pipeline\nPipeline\n}b.",
        "pickle of protocol 2": b"\x80\x02" + honest_pipeline(protocol=3)[2:],
        "pickle of protocol 6": b"\x80\x06" + honest[2:],
        "pickle of protocol 255": b"\x80\xff" + honest[2:],
    }.items():
        codes = "truncated format" if name == "one byte" else "format"
        yield hostile(f"format {name}", data, codes, name)


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


def _cut_short() -> Iterator[Hostile]:
    for kind in ("LogisticRegression", "MLPClassifier"):
        for protocol in (3, 4):
            honest = honest_pipeline(kind, protocol=protocol)
            for percent in (1, 10, 25, 50, 75, 90, 99):
                data = honest[: len(honest) * percent // 100]
                name = f"{percent}% of a {kind}, protocol {protocol}"
                yield hostile(name, data, "truncated frame text", "a download that broke off")
            yield hostile(
                f"all but the last byte of a {kind}, protocol {protocol}", honest[:-1], "truncated frame", "no STOP"
            )


def _more_than_one() -> Iterator[Hostile]:
    honest = honest_pipeline()
    for name, tail in {
        "one zero byte": b"\0",
        "a newline": b"\n",
        "a second STOP": b".",
        "HTML": HTML,
        "itself": honest,
        "a zip archive": zipped({"evil.py": b"print(1)"}),
        "64 KiB": bytes(65_536),
        "a frame": b"\x95\x01\0\0\0\0\0\0\0.",
    }.items():
        yield hostile(f"followed by {name}", honest + tail, "trailing", "two files in one")
