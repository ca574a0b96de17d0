"""A real scheduler and a real worker of Dask, over TLS on loopback; and addresses that are refused."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.scoring import dask_cluster
from app.scoring.dask_cluster import Tls, check_address, on_cluster
from app.scoring.executors import in_this_process
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.table import open_inputs
from app.scoring.plan import plan
from app.scoring.refusals import BadInput, BadScheduler, MissingPackage, NoScheduler
from app.scoring.run import run
from tests.scoring.conftest import columns


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A certificate that signs itself, for both sides."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=pixelwise", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return Tls(certificate, certificate, key)


@pytest.fixture(scope="module")
def scheduler(tls: Tls) -> Iterator[str]:
    """The address of a scheduler with one worker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from distributed import LocalCluster
        from distributed.security import Security

        sides = {f"tls_{side}_{what}": str(path) for side in ("scheduler", "worker", "client")
                 for what, path in (("cert", tls.certificate), ("key", tls.key))}  # fmt: skip
        security = Security(require_encryption=True, tls_ca_file=str(tls.authority), **sides)
        with LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, security=security, protocol="tls://",
            host="127.0.0.1", dashboard_address=None, worker_dashboard_address=None,
        ) as cluster:  # fmt: skip
            yield cluster.scheduler_address


@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_a_cluster_behind_tls_gives_the_same_as_this_process(
    scheduler: str, tls: Tls, tmp_path: Path, digits: NDArray[np.uint8], model: HandedModel
):
    assert scheduler.startswith("tls://")
    np.save(tmp_path / "digits.npy", digits)
    planned = plan(open_inputs(tmp_path / "digits.npy"), model, rows=60)
    with on_cluster(scheduler, tls) as execute:
        done = run(planned, tmp_path / "a", model, execute)
        again = run(planned, tmp_path / "a", model, execute)
    assert (done.scored, again.scored) == (10, 0)
    run(planned, tmp_path / "b", model, in_this_process)
    assert columns(tmp_path / "a") == columns(tmp_path / "b")


@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_a_refusal_of_a_worker_comes_back_as_it_is(
    scheduler: str, tls: Tls, tmp_path: Path, digits: NDArray[np.uint8], model: HandedModel
):
    np.save(tmp_path / "digits.npy", digits[:20])
    np.save(tmp_path / "labels.npy", np.full(20, 77))
    planned = plan(open_inputs(tmp_path / "digits.npy", labels=tmp_path / "labels.npy"), model)
    with on_cluster(scheduler, tls) as execute, pytest.raises(BadInput, match="a label 77"):
        run(planned, tmp_path / "out", model, execute)


@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_without_a_certificate_of_its_authority_nobody_is_let_in(scheduler: str, tls: Tls, tmp_path: Path):
    named = r"no certificates for TLS.*--tls-ca.*DASK_DISTRIBUTED__COMM__TLS__CA_FILE"
    with pytest.raises(BadScheduler, match=named), on_cluster(scheduler, Tls()):
        pass
    with pytest.raises(BadScheduler, match="no such file"), on_cluster(scheduler, tls._replace(key=tmp_path / "none")):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://localhost:1", "tls://a.b:8786"])
def test_this_machine_and_tls_are_let_through(address: str):
    check_address(address)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("tcp://scheduler:8786", "runs code there; expected tls://scheduler:8786"),
        ("tcp://10.0.0.1:8786", "runs code there"),
        ("tcp://localhost.example:8786", "runs code there"),
        ("ws://127.0.0.1:8786", "no such address"),
        ("scheduler:8786", "no such address"),
        ("tls://", "no such address"),
    ],
)
def test_an_address_that_anybody_between_could_use_is_refused(address: str, found: str):
    with pytest.raises(BadScheduler) as refusal:
        check_address(address)
    assert found in str(refusal.value)


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dask_cluster, "find_spec", lambda name: None)
    named = r"pixelwise\[dask\].*requirements-dask.txt"
    with pytest.raises(MissingPackage, match=named), on_cluster("tcp://127.0.0.1:8786", Tls()):
        pass


@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_a_scheduler_that_is_not_there_cannot_be_reached(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(NoScheduler) as refusal, on_cluster("tcp://127.0.0.1:9", Tls()):
        pass
    assert refusal.value.exit_code == 6
