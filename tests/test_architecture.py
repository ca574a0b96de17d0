"""The rooms of the house: who may import whom, and what nobody may do. Imports inside functions count too."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODEL_REPOSITORY = ROOT / "pixelwise-model"

# Each room, and the other rooms whose modules it may import. `errors` anyone may.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "environment": set(),
    "model": set(),
    "drawing": {"model"},
    "signing": set(),
    "release": {"model", "signing"},
    "verify": {"model", "release", "drawing", "signing"},
    "storage": set(),
    "flags": set(),
    "answering": {"model", "drawing", "storage", "flags"},
    "report": {"model", "storage", "settings"},
    "scoring": {"model", "drawing", "storage", "report"},
    "server": {"main", "settings"},  # of main only its worker
    "web": {"answering", "drawing", "flags", "model", "server", "storage", "app"},
    "cli": {
        *("answering", "app", "classifier", "drawing", "environment", "flags", "model", "release", "report", "server"),
        *("scoring", "settings", "storage", "verify"),
    },
    # The joints.
    "settings": {"environment", "signing"},
    "classifier": {"model", "settings", "verify"},
    "main": {"answering", "classifier", "drawing", "model", "server", "settings", "storage", "verify", "web"},
    "predict": {"classifier", "drawing", "model", "settings", "verify"},
    "drawn": {"drawing", "model"},
    "app": set(),
}

NOBODY_IMPORTS = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "sklearn",
    "shelve",
    "marshal",
    "code",
}
NOBODY_CALLS = {"eval", "exec", "compile", "__import__"}

# Libraries that only these rooms may know.
KNOWN_TO = {
    "sqlalchemy": {"storage"},
    "alembic": {"storage"},
    "psycopg": {"storage"},
    "sqlite3": {"storage"},
    "starlette": {"server", "web"},
    "itsdangerous": {"web"},
    **dict.fromkeys(("limits", "redis"), {"web"}),
    "prometheus_client": {"answering"},
    "openfeature": {"flags"},
    "jinja2": {"web", "report"},
    "scipy": {"report", "drawing", "drawn"},
    "markdown_it": {"web"},
    "uvicorn": {"server"},
    "pyarrow": {"scoring"},
    "distributed": {"scoring"},
}

# They open the model, or the database, when they are imported; whoever imports them wants just that.
WORK_AT_IMPORT = {"app.classifier", "app.main"}
# They hand every failure on: the queue to the caller whose drawing it was, the gate as JSON to the client, the provider
# as an error of the flag whose rule failed.
# `only_refusals` makes a refusal of whatever a library raises for bytes of strangers.
# The child that verifies a `model.sig` reports what the package raised, for whatever bytes.
# The application looks at the flag file each second: whatever one look met, the next one follows.
CATCH_EVERYTHING = {
    "app.errors",
    "app.answering.reader",
    *(
        "app.answering.shadow_versions",
        "app.answering.batcher",
        "app.web.middleware",
        "app.answering.database_watch",
        "app.web.application",
    ),
    *("app.flags.provider", "app.answering.side_threads", "app.signing.model_signing_child"),
}

READS_THE_ENVIRONMENT = {"app/settings.py"}
# These hand the whole environment on to a process of their own, and read nothing of it.
HANDS_THE_ENVIRONMENT_ON = {
    "app/cli/predict.py",
    "app/cli/program.py",
    "app/cli/score.py",
    "app/main.py",
    "app/cli/terminal.py",
    "app/cli/verify_in_child.py",
    "app/release/sources/git.py",
    "app/release/sources/table.py",
    "app/server/worker_process.py",
}


def modules() -> dict[str, Path]:
    """Dotted name -> file, of everything that the product is made of, and of what draws digits for it."""
    paths = [*sorted((ROOT / "app").rglob("*.py")), *sorted((ROOT / "drawn").glob("*.py"))]
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): path for name, path in files.items()} | {"predict": ROOT / "predict.py"}


MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


@cache
def nodes(tree: ast.AST) -> list[ast.AST]:
    """All nodes of a tree; a walk is what these tests take their time for."""
    return list(ast.walk(tree))


def room(module: str) -> str:
    """ "app.verify.card" -> "release", "app.classifier" -> "classifier", "app" -> "app", "drawn.page" -> "drawn"."""
    top, *parts = module.split(".")
    return parts[0] if top == "app" and parts else top


@cache
def imports(tree: ast.AST) -> list[str]:
    """Dotted names of all modules that are imported anywhere in this tree."""
    found = []
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            assert node.module is not None
            # `from app.release import card` imports a module, `from app.verify.card import Card` a name of one.
            dotted = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found += sorted({name if name in MODULES else node.module for name in dotted.values()})
    return found


@cache
def own_imports(name: str) -> set[str]:
    return {imported for imported in imports(TREES[name]) if imported.split(".")[0] in ("app", "drawn")}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """The last name of each called function: "load" of `np.load(...)`."""
    for node in nodes(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield (node.func.id if isinstance(node.func, ast.Name) else node.func.attr), node


# -- who may import whom -----------------------------------------------------------------------------------------------


def test_every_module_is_in_a_room():
    assert {room(name) for name in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_from_the_rooms_below_its_own(name: str):
    allowed = MAY_IMPORT[room(name)] | {room(name), "errors"}
    for imported in own_imports(name):
        assert imported in MODULES, f"{name} imports {imported}, which is no module of ours"
        assert room(imported) in allowed, f"{name} imports {imported}"


@pytest.mark.parametrize(
    ("above", "below", "modules"),
    [
        ("drawing", "model", {"app.model.contract"}),
        ("report", "model", {"app.model.confidence_interval"}),
        ("verify", "drawing", {"app.drawing.normalise"}),
        ("server", "main", {"app.main"}),
    ],
)
def test_of_some_rooms_only_one_module_is_known_to_another(above: str, below: str, modules: set[str]):
    within = set().union(*(own_imports(name) for name in MODULES if room(name) == above))
    assert {name for name in within if room(name) == below} == modules


def test_outside_of_the_model_room_nobody_knows_how_a_model_is_read_or_computed():
    """They know a `Scorer`, and the table of formats."""
    inside = {name for name in MODULES if re.match(r"app\.model\.(engine$|onnx\b|sklearn_pickle\b)", name)}
    assert len(inside) > 5
    for name in MODULES:
        assert room(name) == "model" or not own_imports(name) & inside, name
    assert {name for name in MODULES if name not in inside and own_imports(name) & inside} == {"app.model.formats"}


def test_only_the_worker_of_the_server_imports_the_joined_service():
    assert {name for name in MODULES if room(name) == "server" and "app.main" in own_imports(name)} == {
        "app.server.worker"
    }


def test_no_room_is_larger_than_a_fifth_of_the_house():
    lines: Counter[str] = Counter()
    for name, path in MODULES.items():
        if name.startswith("app"):
            lines[room(name)] += len(path.read_text(encoding="utf-8").splitlines())
    assert max(lines.values()) < lines.total() / 5, lines.most_common(1)


def test_only_the_joints_and_the_shared_are_in_no_room():
    loose = {name for name, path in MODULES.items() if path.parent == ROOT / "app" and path.name != "__init__.py"}
    assert loose == {"app.classifier", "app.errors", "app.main", "app.settings"}


def test_only_the_joints_import_the_classifier():
    """It opens the model when it is imported; everything else is handed what it needs."""
    assert {name for name in MODULES if "app.classifier" in own_imports(name)} == {
        "predict",
        "app.cli.predict",
        "app.cli.verify",
        "app.main",
    }


def test_only_the_worker_imports_the_joined_service():
    assert {name for name in MODULES if "app.main" in own_imports(name)} == {"app.server.worker"}


@pytest.mark.parametrize(
    ("name", "opened"),
    [
        *(("predict", "app.classifier"), ("app.cli.predict", "app.classifier"), ("app.cli.verify", "app.classifier")),
        ("app.server.worker", "app.main"),
    ],
)
def test_what_works_at_import_is_imported_inside_functions(name: str, opened: str):
    """So that --help and pull do not open the model, and a refusal gets its exit code."""
    for statement in TREES[name].body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            assert opened not in set(imports(statement))


@pytest.mark.parametrize("name", MODULES)
def test_a_library_of_one_room_is_imported_by_no_other(name: str):
    for imported in imports(TREES[name]):
        rooms = KNOWN_TO.get(imported.split(".")[0])
        assert rooms is None or room(name) in rooms, f"{name} imports {imported}"


def test_of_the_report_only_its_command_reads_settings():
    """Everything else is handed what it needs."""
    within = {name for name in MODULES if room(name) == "report" and "app.settings" in own_imports(name)}
    assert within == {"app.report.__main__"}


def test_there_are_no_circles():
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for imported in own_imports(name):
                visit(imported, (*path, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def test_the_model_repository_and_the_product_share_files_and_never_code():
    theirs = {path.stem for path in MODEL_REPOSITORY.glob("*.py")}
    for path in MODEL_REPOSITORY.rglob("*.py"):
        if not {".venv", ".venv-v3", "data"} & set(path.relative_to(MODEL_REPOSITORY).parts):
            tops = {imported.split(".")[0] for imported in imports(ast.parse(path.read_text(encoding="utf-8")))}
            assert not tops & {"app", "predict", "tests.installation"}, path
    for name, tree in TREES.items():
        tops = {imported.split(".")[0] for imported in imports(tree)}
        assert not tops & (theirs - {"code"}), f"{name} imports of pixelwise-model/"
        assert not tops & {"pixelwise_model", "pixelwise-model"}, name


# -- what nobody may do ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_nothing_can_unpickle_or_run_what_is_in_a_file(name: str):
    assert not {imported.split(".")[0] for imported in imports(TREES[name])} & NOBODY_IMPORTS
    for called, node in calls(TREES[name]):
        is_method = isinstance(node.func, ast.Attribute)
        assert called not in NOBODY_CALLS or (called == "compile" and is_method), f"{name} line {node.lineno}"
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle":
                assert isinstance(keyword.value, ast.Constant), f"{name} line {node.lineno}"
                assert keyword.value.value is False, f"{name} line {node.lineno}"
            if keyword.arg == "shell":
                pytest.fail(f"{name} line {node.lineno}: a shell")
        if called == "load" and ast.unparse(node.func) == "np.load":
            assert any(keyword.arg == "allow_pickle" for keyword in node.keywords), f"{name} line {node.lineno}"
        if called in ("load", "load_all", "full_load", "unsafe_load") and ast.unparse(node.func).startswith("yaml."):
            loaders = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "Loader"]
            assert loaders == ["_UniqueKeys"], f"{name} line {node.lineno}: a YAML loader that may build objects"
        assert called != "import_module", f"{name} line {node.lineno}: an import by name"


def test_the_one_yaml_loader_is_a_safe_one():
    loader = next(node for node in nodes(TREES["app.model.plain_yaml"]) if isinstance(node, ast.ClassDef) and
                  node.name == "_UniqueKeys")  # fmt: skip
    assert [ast.unparse(base) for base in loader.bases] == ["yaml.CSafeLoader"]


@pytest.mark.parametrize("name", MODULES)
def test_no_private_attribute_of_another_s_is_used(name: str):
    """Named tuples have public ones with an underscore."""
    public = {"_asdict", "_replace"}
    for node in nodes(TREES[name]):
        if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr) and node.attr not in public:
            assert isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"), f"line {node.lineno}"


@pytest.mark.parametrize("name", MODULES)
def test_a_user_s_mistake_is_a_raise_and_never_an_assert(name: str):
    """`python -O` strips asserts."""
    assert not [node.lineno for node in nodes(TREES[name]) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("name", MODULES)
def test_no_except_catches_everything(name: str):
    for node in nodes(TREES[name]):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            allowed = name in CATCH_EVERYTHING and caught == "Exception"
            assert allowed or caught not in ("everything", "Exception", "BaseException"), f"{name} line {node.lineno}"


def test_only_the_settings_read_the_environment():
    for name, path in MODULES.items():
        file = path.relative_to(ROOT).as_posix()
        source = path.read_text(encoding="utf-8")
        assert "getenv" not in source, file
        if file in READS_THE_ENVIRONMENT:
            continue
        uses = [node for node in nodes(TREES[name]) if isinstance(node, ast.Attribute) and node.attr == "environ"
                and ast.unparse(node) == "os.environ"]  # fmt: skip
        assert not uses or file in HANDS_THE_ENVIRONMENT_ON, f"{file} reads the environment"
    for file in HANDS_THE_ENVIRONMENT_ON:
        source = (ROOT / file).read_text(encoding="utf-8")
        assert "os.environ[" not in source, file
        assert "os.environ.get" not in source, file


IDLE = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.AnnAssign, ast.Assign)
"""Statements that define something; an assignment may compute a constant."""


@pytest.mark.parametrize("name", [name for name in MODULES if name not in WORK_AT_IMPORT])
def test_nothing_but_the_joints_works_at_import(name: str):
    for statement in TREES[name].body:
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        is_guard = isinstance(statement, ast.If) and ast.unparse(statement.test) in (
            "__name__ == '__main__'",
            "TYPE_CHECKING",
        )
        is_command = isinstance(statement, ast.Expr) and ast.unparse(statement).startswith(
            ("cli.command()(", "cli.add_typer(")
        )
        assert is_text or is_guard or is_command or isinstance(statement, IDLE), f"{name} line {statement.lineno}"
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            called = {ast.unparse(node.func) for _, node in calls(statement.value)}
            assert not called & {"open", "read_settings", "open_model", "Path.read_text", "subprocess.run"}, name


# -- sizes -------------------------------------------------------------------------------------------------------------


# One machine is clearer whole.
LONGER = {"app/model/sklearn_pickle/pickle_machine.py": 450}
OWN_TESTS = [
    path for path in (ROOT / "tests").rglob("*.py") if not any(part.startswith(".venv") for part in path.parts)
]
FILES = sorted([*MODULES.values(), *OWN_TESTS, *MODEL_REPOSITORY.glob("*.py")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_can_be_read_in_a_sitting(path: Path):
    limit = LONGER.get(path.relative_to(ROOT).as_posix(), 400)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


def test_the_classifier_is_the_clearest_file():
    lines = (ROOT / "app/classifier.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 90
