"""A worked example of a further source: a folder on storage that speaks S3, with a folder for each version.

    MODEL_REPO=s3+https://storage.example.org/bucket/digits

It reads what everybody may read. The release is pinned by the manifest digest, so it has to have a `SHA256SUMS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from app.errors import only_refusals
from app.release.manifest import manifest_digest, manifest_files
from app.release.pin import Pin
from app.release.record import SUMS, ReleaseFile, describe, read_sums
from app.release.refusals import BadRelease
from app.release.sources.address import Address
from app.release.sources.http import NotThere, Site
from app.release.sources.source import ListedFile, Listing

_S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def parse_bucket(text: str, root: Path) -> Address:
    """The address "s3+https://host/bucket/folder"."""
    url = text.removeprefix("s3+").rstrip("/")
    return Address(url=url, repository=text, transport="https", key=f"s3:{url.casefold()}", kind="s3")


class Bucket:
    """The source behind one folder of a bucket (`source.py` describes the verbs)."""

    def __init__(self, address: Address, folder: Path, environ: Mapping[str, str]) -> None:
        self._site = Site(base=address.url, subject=f"bucket {address.repository}")

    def resolve(self, version: str) -> Pin:
        try:
            sums = self._site.get(f"{version}/{SUMS}", limit=64 << 10).body
        except NotThere as error:
            remedy = "Name a version that is there, or let MODEL_REPO name a bucket that has it."
            found = f"no {version}/{SUMS}"
            raise BadRelease(self._site.subject, found=found, expected="a release", remedy=remedy) from error
        files = {name: ReleaseFile(name, 0, digest) for digest, name in read_sums(sums)}
        files[SUMS] = describe(SUMS, sums)
        return Pin(version, manifest_digest(manifest_files(files, sums, artefact="")))

    def list(self, pin: Pin) -> Listing:
        parts = urlsplit(self._site.base)
        bucket, _, folder = parts.path.lstrip("/").partition("/")
        prefix = f"{folder}/{pin.version}/"
        found = self._site.get(f"/{bucket}?list-type=2&prefix={quote(prefix)}", limit=1 << 20)
        with only_refusals(lambda said: self._odd(f"a listing that cannot be read ({said})")):
            listing = ElementTree.fromstring(found.body)
            contents = listing.iter(f"{_S3}Contents")
            entries = [(one.findtext(f"{_S3}Key", ""), int(one.findtext(f"{_S3}Size", ""))) for one in contents]
        names = [(key.removeprefix(prefix), size) for key, size in entries if key.startswith(prefix)]
        return Listing(pin.version, [ListedFile(name, size) for name, size in names])

    def read(self, pin: Pin, name: str, *, limit: int) -> bytes:
        return self._site.get(f"{pin.version}/{quote(name)}", limit=limit).body

    def _odd(self, found: str) -> BadRelease:
        return BadRelease(self._site.subject, found=found, expected="S3's", remedy="See what answers at its address.")
