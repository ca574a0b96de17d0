"""Texts that must agree: README, requirements, imports."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_train import kind_of

import train

HERE = Path(train.__file__).parent
README = (HERE / "README.md").read_text(encoding="utf-8")
MODULES = sorted(HERE.glob("*.py"))


@pytest.mark.parametrize("script", ["mnist.py", "train.py", "train_v3.py", "release.py"])
def test_every_option_is_in_the_readme(script):
    usage = subprocess.run([sys.executable, HERE / script, "--help"], capture_output=True, text=True).stdout
    options = set(re.findall(r"--[a-z-]+", usage)) - {"--help"}
    assert options
    for option in options:
        assert option in README, f"{script} {option}"


def test_the_readme_has_the_table_of_versions():
    rows = re.findall(r"^\| (v\d\.\d) \| (\w+).*?\| (\d-9) \|", README, re.MULTILINE)
    assert rows == [
        (version, kind_of(recipe), f"{recipe.classes[0]}-9") for version, recipe in train.VERSIONS.items()
    ]


def test_the_readme_names_every_file():
    for path in [
        *MODULES,
        HERE / "card_template.md",
        HERE / "requirements.txt",
        HERE / "requirements-v3.txt",
    ]:
        assert f"`{path.name}`" in README


OPTIONAL = {
    "publish_hub.py": {"huggingface_hub"},
    "signatures.py": {"model_signing"},
    "tracking.py": {"mlflow", "aim", "clearml"},
}
"""Packages that are refused by name where they are missing."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_it_imports_only_itself_the_standard_library_and_its_requirements(path):
    ours = {module.stem for module in MODULES}
    theirs = {"numpy", "sklearn", "joblib", "scipy", "threadpoolctl", "yaml", "torch", "onnx"}
    optional = OPTIONAL.get(path.name, set())
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.partition(".")[0] in ours | theirs | optional | set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-v3.txt"])
def test_requirements_are_pinned_hashed_and_name_no_index(name):
    text = (HERE / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-", text.replace("    --hash", ""), re.MULTILINE)
    for entry in re.split(r"\n(?=\w)", text.strip()):
        assert re.match(r"[\w.-]+==[\w.+]+", entry)
        assert "--hash=sha256:" in entry


def test_the_network_is_trained_with_the_packages_of_the_other_versions_and_without_cuda():
    """PyPI's PyTorch for Linux brings CUDA: gigabytes that nothing here uses."""
    text, other = (
        (HERE / name).read_text(encoding="utf-8") for name in ("requirements-v3.txt", "requirements.txt")
    )
    names = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    assert not [name for name in names if re.match("nvidia|cuda|triton", name)]
    assert re.search(r"^torch==[\d.]+\+cpu ; sys_platform == 'linux'", text, re.MULTILINE)
    pins = re.findall(r"^[\w.-]+==\S+", other, re.MULTILINE)
    assert [pin for pin in pins if pin not in text] == []


@pytest.mark.parametrize("module", ["train", "release", "train_v3"])
def test_the_commands_need_no_pytorch_until_they_train_a_network(module):
    code = f"import sys, {module}; assert not {{'torch', 'onnx'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
