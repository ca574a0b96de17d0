# `make run` and `make test` are all a new clone needs; `make help` lists the rest.
.DEFAULT_GOAL := help
MODEL_PYTHON := pixelwise-model/.venv/bin/python
NETWORK_PYTHON := pixelwise-model/.venv-v3/bin/python
NETWORK_TESTS := $(addprefix pixelwise-model/tests/test_,network.py real_network.py)

CLIENTS := mlflow dvc hub signing aim clearml manifests

.PHONY: help run check test sources soak coverage parity bench measured bench-peers bench-scale lock lock-network format clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 13

run: ## provision, build or pull the pinned release, verify it, read real digits, and serve the page
	@bash setup-server.sh
	@exec .venv/bin/pixelwise serve

check: environment ## format, lint, types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/shellcheck -x setup-server.sh deploy/service.sh .ci/run benchmarks/run.sh

# Each process of the tests compiles what it imports only once, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
test: export PYTHONPYCACHEPREFIX = $(CURDIR)/.pytest_cache/bytecode
test: export OPENBLAS_NUM_THREADS = 1
test: environment releases ## install what tests need and run them; the long forms too with PIXELWISE_LONG=1
	@$(MAKE) --no-print-directory -j 2 model-tests product-tests

.PHONY: model-tests product-tests
model-tests:
	@mkdir -p .pytest_cache
	@echo 'The tests of pixelwise-model/ run meanwhile; their lines follow when they end.'
	@{ $(MODEL_PYTHON) -m pytest pixelwise-model/tests $(addprefix --ignore=,$(NETWORK_TESTS)) && \
	  $(NETWORK_PYTHON) -m pytest $(NETWORK_TESTS); } >.pytest_cache/model-tests.log 2>&1; \
	code=$$?; cat .pytest_cache/model-tests.log; exit $$code

product-tests: # each file on one of three processes, the longest not last
	.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

sources: environment releases ## other people's clients and servers, real ones, with the same releases: MLflow, DVC, huggingface_hub, model-signing, Aim, ClearML; deploy/ against published schemas
	for client in $(CLIENTS); do \
	  .venv/bin/uv venv -q --allow-existing --python 3.11 tests/clients/.venv-$$client && \
	  .venv/bin/uv pip sync -q --require-hashes --python tests/clients/.venv-$$client tests/clients/requirements-$$client.txt || exit; \
	done
	.venv/bin/python -m pytest -m client tests/clients

soak: export PYTEST_TIMEOUT = 0
soak: sources ## long checks: other people's clients, v3.0 trained twice and measured, a million mutations, 3,000 of them against scikit-learn or onnxruntime, 10,000 malformed bodies, OpenML's 70,000 rows, all versions on all digits, 1,000 digits under each condition, 25 kills and reloads, 10 versions that come and go, an image built and run, memory
	bash setup-server.sh --releases v3.0
	$(MODEL_PYTHON) -m pytest -m soak pixelwise-model/tests $(addprefix --ignore=,$(NETWORK_TESTS))
	$(NETWORK_PYTHON) -m pytest -m soak $(NETWORK_TESTS)
	PIXELWISE_FUZZ=1000000 .venv/bin/python -m pytest tests/attacks/test_fuzz.py tests/attacks/test_fuzz_onnx.py tests/test_parity.py
	PIXELWISE_DIFFERENTIAL=3000 .venv/bin/python -m pytest tests/attacks/test_differential.py tests/attacks/test_differential_onnx.py
	PIXELWISE_RUBBISH=10000 .venv/bin/python -m pytest tests/web/test_rubbish.py
	PIXELWISE_KILLS=25 .venv/bin/python -m pytest tests/web/test_durability.py tests/web/test_lifecycle.py
	PIXELWISE_SUITE=500 .venv/bin/python -m pytest tests/drawn/test_suite.py
	PIXELWISE_CONTAINER=1 .venv/bin/python -m pytest tests/deploy/test_container.py
	PIXELWISE_ROLLOUTS=10 .venv/bin/python -m pytest tests/web/test_rollouts.py
	.venv/bin/python benchmarks/service.py --only memory

coverage: export PIXELWISE_LONG = 1
coverage: environment releases ## which lines no test runs, child processes too; prints them, and writes data/coverage/
	rm -rf data/coverage && mkdir -p data/coverage
	COVERAGE_FILE=$(CURDIR)/data/coverage/data .venv/bin/coverage run -m pytest -n 3 --dist loadfile
	COVERAGE_FILE=$(CURDIR)/data/coverage/data .venv/bin/coverage combine -q
	COVERAGE_FILE=$(CURDIR)/data/coverage/data .venv/bin/coverage html -q -d data/coverage/html
	COVERAGE_FILE=$(CURDIR)/data/coverage/data .venv/bin/coverage report

parity: environment releases ## the reader against scikit-learn 1.3 to 1.9; writes docs/parity.md
	.venv/bin/python benchmarks/parity.py

bench: environment releases ## measure every performance claim; writes docs/benchmarks.md and its plot
	@bash benchmarks/run.sh

measured: environment releases ## what is read of people's digits under 22 conditions; writes docs/measured.md and its picture
	@bash setup-server.sh --releases v3.0
	.venv/bin/python benchmarks/conditions.py

bench-peers: environment releases ## measure the service beside FastAPI, BentoML, MLServer, LitServe and Ray Serve; writes docs/peers.md
	.venv/bin/python benchmarks/service.py --docs

bench-scale: environment releases ## measure serving from several workers, and scoring archives; prints it, and writes benchmarks/results/
	.venv/bin/python benchmarks/scale_serving.py
	bash setup-server.sh
	.venv/bin/python benchmarks/scale_score.py --dask-rows 4000000 --memory-rows 10000000 --folder data

lock: environment ## pin and hash the dependencies in pyproject.toml and the other *.in files
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  pyproject.toml -o requirements.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	for extra in signing scale score dask; do \
	  .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --extra $$extra -c requirements.txt -c requirements-dev.txt pyproject.toml -o requirements-$$extra.txt || exit; \
	done
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  pixelwise-model/requirements.in -o pixelwise-model/requirements.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  -c requirements.txt -c pixelwise-model/requirements.txt benchmarks/requirements.in -o benchmarks/requirements.txt
	for peer in bentoml litserve mlserver ray; do \
	  .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    -c pixelwise-model/requirements.txt benchmarks/peers/requirements-$$peer.in \
	    -o benchmarks/peers/requirements-$$peer.txt || exit; \
	done
	for client in $(CLIENTS); do \
	  .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    tests/clients/requirements-$$client.in -o tests/clients/requirements-$$client.txt || exit; \
	done

lock-network: environment ## the same for training v3.0; TORCH_WHEELS is a folder or page with PyTorch's wheels without CUDA
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --find-links "$${TORCH_WHEELS:?}" -c pixelwise-model/requirements.txt \
	  pixelwise-model/requirements-v3.in -o pixelwise-model/requirements-v3.txt

format: environment ## put every file into the common format
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

clean: ## remove everything that was made here, but .env and data/
	rm -rf .venv pixelwise-model/.venv pixelwise-model/.venv-v3 benchmarks/.venv benchmarks/.venv-decoders benchmarks/peers/.venv-* tests/clients/.venv-* benchmarks/results models pixelwise-model/releases.git pixelwise-model/trial.git \
	  pixelwise-model/data

.PHONY: environment
environment:
	@bash setup-server.sh --environment

# Tests read three releases that pixelwise-model/ can build, and a trial of the fourth.
.PHONY: releases
releases:
	@bash setup-server.sh --releases v1.0 v1.1 v2.0
	@bash setup-server.sh --trial
