"""Shards on a Dask cluster. Whoever reaches a scheduler runs code on its workers: so TLS, or this machine alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from app.scoring.executors import TRIES, Run, in_futures
from app.scoring.footer import Footer
from app.scoring.handed_model import HandedModel
from app.scoring.refusals import BadScheduler, MissingPackage, NoScheduler, ShardLost
from app.scoring.shard import Shard

AHEAD = 2
"""Shards on their way for each thread of a worker, so that none waits for the next."""
CONNECT_SECONDS = 20
THE_FILES = (
    "Give --tls-ca, --tls-cert and --tls-key, or set Dask's own DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
    "…__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY, and start scheduler and workers with the same authority."
)


class Tls(NamedTuple):
    """The files that prove both sides to each other; None: as Dask's own configuration says."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@contextmanager
def on_cluster(address: str, tls: Tls) -> Iterator[Run]:
    """What scores on the workers of the scheduler at `address`: `tls://HOST:PORT`, or `tcp://` on this machine.

    Raises:
        BadScheduler: an address without TLS that is not this machine's, or files of TLS that are missing.
        NoScheduler: it does not answer, or has no workers. MissingPackage: there is no Dask here.
    """
    check_address(address)
    if find_spec("distributed") is None:
        raise MissingPackage(f"--on {address}", package="distributed", extra="dask")
    from distributed import Client

    security = _security(address, tls)
    try:
        client = Client(address, security=security, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError) as error:
        remedy = "Start it (`dask scheduler`), look at the address, or leave --on out."
        raise NoScheduler(
            f"scheduler {address}", found=str(error) or "no answer", expected="an answer", remedy=remedy
        ) from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            remedy = f"Start some: `dask worker {address}`, with the same version of PixelWise."
            raise NoScheduler(f"scheduler {address}", found="no workers", expected="workers", remedy=remedy)
        yield _runner(client, address, AHEAD * threads)


def check_address(address: str) -> None:
    """Raises BadScheduler for an address that anybody between could use."""
    found = urlsplit(address)
    if found.scheme == "tls" and found.hostname:
        return
    if found.scheme == "tcp" and found.hostname and _is_this_machine(found.hostname):
        return
    if found.scheme == "tcp" and found.hostname:
        raise BadScheduler(
            f"scheduler {address}",
            found="a connection without TLS to another machine: whoever reaches such a scheduler runs code there",
            expected=f"tls://{found.netloc}",
            remedy=THE_FILES,
        )
    remedy = "Name it as `tls://HOST:8786`, or `tcp://127.0.0.1:8786` on this machine."
    raise BadScheduler(f"scheduler {address}", found="no such address", expected="tls://HOST:PORT", remedy=remedy)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _security(address: str, tls: Tls) -> Any:
    if not address.startswith("tls://"):
        return None
    from distributed.security import Security

    given = {"tls_ca_file": tls.authority, "tls_client_cert": tls.certificate, "tls_client_key": tls.key}
    named = {name: str(path) for name, path in given.items() if path is not None}
    for path in named.values():
        if not Path(path).is_file():
            raise BadScheduler(f"file {path}", found="no such file", expected="PEM, for TLS", remedy=THE_FILES)
    security = Security(require_encryption=True, **named)
    if not (security.tls_ca_file and security.tls_client_cert):
        raise BadScheduler(
            f"scheduler {address}", found="no certificates for TLS", expected="three files", remedy=THE_FILES
        )
    return security


def _runner(client: Any, address: str, width: int) -> Run:
    def run(shards: Sequence[Shard], out: Path, model: HandedModel) -> Iterator[Footer]:
        from distributed.scheduler import KilledWorker

        executor = client.get_executor(retries=TRIES, pure=False)
        try:
            yield from in_futures(shards, out.resolve(), model, executor, width=width)
        except KilledWorker as error:
            remedy = "Look at the memory of the workers, then run this again: finished shards are kept."
            raise ShardLost(
                "a shard", found=f"its workers died ({error.task})", expected="workers that live", remedy=remedy
            ) from None
        except ModuleNotFoundError as error:
            remedy = "Install this version of PixelWise, with pixelwise[dask], where the workers are."
            raise BadScheduler(
                f"workers of {address}", found=f"no module {error.name}", expected="PixelWise", remedy=remedy
            ) from None
        finally:
            executor.shutdown(wait=False)

    return run
