from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from app.environment.refusals import BadSettings
from app.settings import DEFAULTS, ROOT, Settings, create, overruled, read_settings
from tests.installation import Installation

LONG_KEY = "y0Rk2n8QzvT4bLw6"


def write_env(root: Path, text: str | bytes) -> None:
    (root / ".env").write_bytes(text.encode() if isinstance(text, str) else text)


def problems(root: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(BadSettings) as caught:
        read_settings(environ or {}, root=root)
    assert caught.value.exit_code == 3
    return caught.value.found


def test_without_any_env_the_local_release_v1_0_is_pinned_and_served_on_this_machine_only(tmp_path: Path):
    assert read_settings({}, root=tmp_path) == Settings(
        root=tmp_path,
        model_repo="pixelwise-model/releases.git",
        model_version="v1.0",
        model_versions=("v1.0",),
        model_path=None,
        require_lock=False,
        require_signature=False,
        allowed_signers=tmp_path / "allowed_signers",
        mnist_dir=tmp_path / "pixelwise-model/data",
        host="127.0.0.1",
        port=8000,
        secret_api_key="",
        data_dir=tmp_path / "data",
        database_url="sqlite:///data/pixelwise.db",
        flags_file=tmp_path / "data/flags.json",
        keep_drawings=True,
        drawing_days=0,
        results_public=False,
        allowed_hosts=(),
        trusted_proxies=(),
        limit_per_key="2000/second",
        limit_per_address="1000/second",
        limit_per_visit="30/second",
        workers=1,
        limits_url="",
        log_level="info",
    )


def test_what_the_service_is_told(tmp_path: Path):
    settings = read_settings(
        {
            "ALLOWED_HOSTS": "Digits.example.org, other.example",
            "TRUSTED_PROXIES": "127.0.0.1 10.0.0.0/8",
            "RESULTS_PUBLIC": "1",
            "PORT": "0",
        },
        root=tmp_path,
    )
    assert settings.allowed_hosts == ("digits.example.org", "other.example")
    assert [str(network) for network in settings.trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8"]
    assert settings.results_public
    assert settings.port == 0


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("PORT", "70000", "from 0 to 65535"),
        ("PORT", "8000x", "PORT=8000x"),
        ("PORT", "-1", "PORT=-1"),
        ("DRAWING_DAYS", "1.5", "DRAWING_DAYS=1.5"),
        ("KEEP_DRAWINGS", "maybe", "true or false"),
        ("RESULTS_PUBLIC", "2", "true or false"),
        ("LIMIT_PER_KEY", "many", "a rate like 2000/second"),
        ("LIMIT_PER_VISIT", "0/second", "a rate like 30/second"),
        ("LIMIT_PER_ADDRESS", "", "LIMIT_PER_ADDRESS is empty"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "has host bits set"),
        ("TRUSTED_PROXIES", "proxy.example", "TRUSTED_PROXIES names proxy.example"),
        *(("WORKERS", value, "a whole number from 1 to 64") for value in ("0", "65", "two")),
        ("LIMITS_URL", "http://:hunter2@127.0.0.1", "LIMITS_URL is no address of a redis, expected one like redis://"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("HOST", "", "HOST is empty"),
        ("DATA_DIR", "", "DATA_DIR is empty"),
        ("DATA_DIR", "/var/why?", "a folder without ?"),
        ("MNIST_DIR", "a\0b", "MNIST_DIR has a NUL"),
        *((key, "1" * 5000, f"{key}=1111") for key in ("PORT", "DRAWING_DAYS", "LIMIT_PER_KEY", "REQUIRE_LOCK")),
        ("LIMIT_PER_KEY", f"{'1' * 5000}/second", "a rate like"),
        ("TRUSTED_PROXIES", f"10.0.0.0/{'1' * 5000}", "expected addresses like"),
        ("PORT", "٣", "a whole number"),
    ],
)
def test_a_setting_of_the_service_that_cannot_be_is_named(tmp_path: Path, key: str, value: str, said: str):
    found = problems(tmp_path, {key: value})
    assert said in found
    assert key == "TRUSTED_PROXIES" or len(found) < 300


def test_a_setting_that_two_lines_give_different_values_is_refused_with_its_lines_and_not_their_values(tmp_path: Path):
    write_env(
        tmp_path, f"PORT=81\nHOST=::1\n\nPORT=82\nHOST='::1'\nSECRET_API_KEY=\nSECRET_API_KEY={LONG_KEY}\n# PORT=3\n"
    )
    assert problems(tmp_path) == (
        "PORT in lines 1 and 4 of .env with different values, expected one line: keep the one you mean; "
        "SECRET_API_KEY in lines 6 and 7 of .env with different values, expected one line: keep the one you mean"
    )
    write_env(tmp_path, "HOST=::1\nNOTE=1\nHOST='::1'\nNOTE=2\n")
    assert read_settings({}, root=tmp_path).host == "::1", "two lines that say the same, and a key of another program"


# -- where the service writes ------------------------------------------------------------------------------------------


def test_database_and_flags_are_in_the_data_folder_unless_they_are_named(tmp_path: Path):
    settings = read_settings({"DATA_DIR": "mine"}, root=tmp_path)
    assert settings.database_url == "sqlite:///mine/pixelwise.db"
    assert settings.flags_file == tmp_path / "mine/flags.json"
    settings = read_settings({"DATA_DIR": "/var/lib/pixelwise"}, root=tmp_path)
    assert settings.database_url == "sqlite:////var/lib/pixelwise/pixelwise.db"
    assert settings.flags_file == Path("/var/lib/pixelwise/flags.json")
    named = {"DATA_DIR": "mine", "DATABASE_URL": "sqlite:///data/pixelwise.db", "FLAGS_FILE": "flags.json"}
    settings = read_settings(named, root=tmp_path)
    assert settings.database_url == "sqlite:///data/pixelwise.db"
    assert settings.flags_file == tmp_path / "flags.json"


def test_a_flag_file_where_flags_once_were_is_not_passed_over(tmp_path: Path):
    (tmp_path / "flags.json").write_text("{}")
    assert "flags.json is not read" in problems(tmp_path)
    assert read_settings({"FLAGS_FILE": "flags.json"}, root=tmp_path).flags_file == tmp_path / "flags.json"
    (tmp_path / "data").mkdir()
    (tmp_path / "flags.json").rename(tmp_path / "data/flags.json")
    assert read_settings({}, root=tmp_path).flags_file == tmp_path / "data/flags.json"


# -- several versions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["v2.0,v1.0,v1.1", " v2.0 , v1.0,\tv1.1 ", "v2.0 v1.0 v1.1"])
def test_the_first_of_several_versions_is_the_default(tmp_path: Path, text: str):
    settings = read_settings({"MODEL_VERSIONS": text}, root=tmp_path)
    assert settings.model_versions == ("v2.0", "v1.0", "v1.1")
    assert settings.model_version == "v2.0"


def test_without_a_list_the_pinned_version_is_the_only_one(tmp_path: Path):
    assert read_settings({"MODEL_VERSION": "v1.1"}, root=tmp_path).model_versions == ("v1.1",)
    write_env(tmp_path, "MODEL_VERSIONS=v1.0,v2.0\n")
    settings = read_settings({"MODEL_VERSION": "v1.1", "MODEL_VERSIONS": ""}, root=tmp_path)
    assert settings.model_versions == ("v1.1",), "an empty list in the environment beats the file"


@pytest.mark.parametrize("pinned", ["v1.0", "", "  "])
def test_both_settings_may_name_the_same_default(tmp_path: Path, pinned: str):
    settings = read_settings({"MODEL_VERSION": pinned, "MODEL_VERSIONS": "v1.0,v2.0"}, root=tmp_path)
    assert (settings.model_version, settings.model_versions) == ("v1.0", ("v1.0", "v2.0"))


@pytest.mark.parametrize(("real", "file"), [("MODEL_VERSION=v1.0", "MODEL_VERSIONS=v2.0,v1.0"),
                                            ("MODEL_VERSIONS=v2.0,v1.0", "MODEL_VERSION=v1.0")])  # fmt: skip
def test_two_settings_that_name_different_defaults_are_refused_and_both_named(tmp_path: Path, real: str, file: str):
    write_env(tmp_path, f"{file}\n")
    found = problems(tmp_path, dict([real.split("=")]))
    assert "MODEL_VERSION=v1.0 and MODEL_VERSIONS=v2.0,v1.0, expected the same default" in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v1.0,v2.0,v1.0", "MODEL_VERSIONS=v1.0,v2.0,v1.0 names v1.0 twice"),
        ("v1.0,,v2.0", "MODEL_VERSIONS=v1.0,,v2.0 names an empty one"),
        ("v1.0,", "names an empty one"),
        (",", "names an empty one"),
        ("v1.0,../..", "names ../.., expected versions like v1.0,v2.0"),
        ("v1.0;v2.0", "names v1.0;v2.0"),
        ("v1.0,2.0", "names 2.0"),
        ("v1.0,v2", "names v2,"),
    ],
)
def test_a_list_of_versions_that_cannot_be_is_named(tmp_path: Path, text: str, said: str):
    found = problems(tmp_path, {"MODEL_VERSIONS": text})
    assert said in found
    assert "MODEL_VERSION is empty" not in found


@pytest.mark.parametrize("name", ["https://digits.example.org", "digits.example.org:8443", "*", "*.example.org",
                                  "digits.example.org.", "digits.example.org/x", "zähler.example"])  # fmt: skip
def test_a_name_that_no_host_header_can_have_is_refused(tmp_path: Path, name: str):
    found = problems(tmp_path, {"ALLOWED_HOSTS": f"fine.example, {name}"})
    assert f"ALLOWED_HOSTS names {name}, expected names like digits.example.org" in found
    assert "fine.example," not in found


def test_secrets_are_not_shown_with_the_settings(tmp_path: Path):
    settings = read_settings(
        {"SECRET_API_KEY": f"hush{LONG_KEY}", "DATABASE_URL": "postgresql://me:hush@x/y"}, root=tmp_path
    )
    assert "hush" not in repr(settings)


def test_the_file_beats_the_defaults_and_the_real_environment_beats_the_file(tmp_path: Path):
    write_env(tmp_path, "MODEL_VERSION=v2.0\nMODEL_REPO=elsewhere.git\n")
    settings = read_settings({"MODEL_VERSION": "v1.1"}, root=tmp_path)
    assert (settings.model_version, settings.model_repo) == ("v1.1", "elsewhere.git")


def test_an_empty_value_in_the_real_environment_beats_the_file_too(tmp_path: Path):
    write_env(tmp_path, "MODEL_PATH=models/mine.pkl\n")
    assert read_settings({"MODEL_PATH": ""}, root=tmp_path).model_path is None


def test_the_process_environment_is_read_when_none_is_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MODEL_VERSION", "v7.3")
    assert read_settings(root=tmp_path).model_version == "v7.3"


def test_relative_paths_count_from_the_root_and_absolute_ones_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir("/")
    settings = read_settings({"MODEL_PATH": "models/mine.pkl", "MNIST_DIR": "/elsewhere/mnist"}, root=tmp_path)
    assert settings.model_path == tmp_path / "models/mine.pkl"
    assert settings.mnist_dir == Path("/elsewhere/mnist")
    assert settings.models == tmp_path / "models"
    assert settings.lock_file == tmp_path / "model.lock"


def test_every_problem_is_named_at_once(tmp_path: Path):
    write_env(tmp_path, "MODEL_VERISON=v1.0\nREQUIRE_LOCK=perhaps\nMODEL_REPO=\nMNIST_DIR=\nnot a setting\n")
    named = problems(tmp_path, {"MODEL_VERSION": "  "})
    for part in ("MODEL_VERISON", "REQUIRE_LOCK=perhaps", "MODEL_REPO is empty", "MNIST_DIR is empty", "line 5"):
        assert part in named
    assert "MODEL_VERSION is empty" in named


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("MODEL_VERISON", "MODEL_VERSION"),
        ("model_version", "MODEL_VERSION"),
        ("REQUIRED_LOCK", "REQUIRE_LOCK"),
        ("POTR", "PORT"),
    ],
)
def test_a_misspelt_key_is_named_with_the_one_that_was_meant(tmp_path: Path, misspelt: str, meant: str):
    write_env(tmp_path, f"{misspelt}=v1.0\n")
    assert f"{misspelt} is no setting (did you mean {meant}?)" in problems(tmp_path)


@pytest.mark.parametrize("line", ["junk", "REQUIRE_LOCK", "export PORT"])
def test_a_line_without_an_equals_sign_is_named(tmp_path: Path, line: str):
    write_env(tmp_path, f"PORT=8000\n{line}\n")
    assert ".env line 2 is no KEY=value" in problems(tmp_path)


def test_a_key_of_another_program_is_left_alone(tmp_path: Path):
    write_env(tmp_path, "DATABASE_URL=postgresql://db\nEDITOR=vi\n")
    assert read_settings({}, root=tmp_path).model_version == DEFAULTS["MODEL_VERSION"]


@pytest.mark.parametrize("line", ["MODEL_VERSION v2.0", "MODEL_VERSION: v2.0", "MODEL_VERSION='v2.0"])
def test_a_line_that_cannot_be_read_is_named_and_no_default_takes_its_place(tmp_path: Path, line: str):
    write_env(tmp_path, f"# a comment\n{line}\n")
    assert ".env line 2 is no KEY=value" in problems(tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path):
    write_env(tmp_path, b"MODEL_VERSION=\xff\xfe\n")
    assert ".env line 1 is no UTF-8: save the file as UTF-8" in problems(tmp_path)


def test_an_env_that_is_a_folder_is_named(tmp_path: Path):
    (tmp_path / ".env").mkdir()
    assert ".env is a folder, expected a file: move it away" in problems(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "MODEL_VERSION=v2.0",
        "export MODEL_VERSION=v2.0\n",
        'MODEL_VERSION="v2.0"\n',
        "MODEL_VERSION = v2.0 # the ten digits\n",
        "MODEL_VERSIONS=\r\nMODEL_VERSION=v2.0\r\n",
        "\ufeffMODEL_VERSION=v2.0\n",
    ],
)
def test_the_usual_forms_of_a_line_are_read(tmp_path: Path, text: str):
    write_env(tmp_path, text)
    assert read_settings({}, root=tmp_path).model_version == "v2.0"


@pytest.mark.parametrize("value", ["$(touch canary)", "`touch canary`", "${HOME}", "$HOME", "; touch canary", "~"])
def test_what_looks_like_shell_stays_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.chdir(tmp_path)
    write_env(tmp_path, f"MODEL_REPO={value}\n")
    assert read_settings({}, root=tmp_path).model_repo == value
    assert {path.name for path in tmp_path.iterdir()} == {".env"}


def test_settings_are_frozen(tmp_path: Path):
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_settings({}, root=tmp_path).model_version = "v2.0"  # type: ignore[misc]


def test_a_shell_script_gets_one_setting_without_sourcing_the_file(installation: Installation):
    (installation.root / ".env").write_text("MODEL_REPO=$(touch canary)\n")
    for name, value in (
        *(("MODEL_REPO", "$(touch canary)"), ("MODEL_PATH", ""), ("MODEL_VERSION", "v1.0")),
        ("MODEL_VERSIONS", "v1.0 v2.0"),
    ):
        done = installation.run("-m", "app.settings", name, MODEL_VERSIONS="v1.0,v2.0")
        assert (done.returncode, done.stdout) == (0, f"{value}\n")


def test_a_shell_script_gets_the_refusal_and_its_exit_code(installation: Installation):
    done = installation.run("-m", "app.settings", "MODEL_REPO", REQUIRE_LOCK="perhaps")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("settings: REQUIRE_LOCK=perhaps, expected true or false. Edit ")


# -- what is given in the environment ----------------------------------------------------------------------------------


def with_example(root: Path) -> Path:
    (root / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    return root / ".env"


def test_a_new_env_file_says_what_the_environment_asks_for(tmp_path: Path):
    file = with_example(tmp_path)
    given = {"MODEL_REPO": "https://example.org/a b.git", "PORT": "8100", "MODEL_VERSIONS": "v2.0,v1.0", "EDITOR": "vi"}
    create(given, root=tmp_path)
    assert read_settings({}, root=tmp_path) == read_settings(given, root=tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    changed = set(file.read_text().splitlines()) - set((ROOT / ".env.example").read_text().splitlines())
    assert changed == {
        "MODEL_REPO='https://example.org/a b.git'",
        *("PORT=8100", "MODEL_VERSIONS=v2.0,v1.0", "MODEL_VERSION=v2.0"),
    }
    assert overruled(given, root=tmp_path) == []


def test_an_environment_that_cannot_be_makes_no_env_file(tmp_path: Path):
    file = with_example(tmp_path)
    with pytest.raises(BadSettings):
        create({"MODEL_VERSIONS": "v2.0,v1.0", "MODEL_VERSION": "v1.0"}, root=tmp_path)
    assert not file.exists()


def test_what_the_file_says_otherwise_is_named_by_its_line_and_not_shown(tmp_path: Path):
    write_env(tmp_path, "# a\n\n\nMODEL_REPO=https://me:hush@example.org/a.git\nPORT=8000\n")
    given = {"MODEL_REPO": "https://me:hush@example.org/b.git", "PORT": "8000", "HOST": "::1", "LOG_LEVEL": "info"}
    assert overruled(given, root=tmp_path) == [
        ".env line 4 says another MODEL_REPO: that of the environment counts, for this run only",
        ".env does not name HOST: that of the environment counts, for this run only",
    ]


# -- .env.example ------------------------------------------------------------------------------------------------------


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_example_has_a_line_for_each_setting_and_none_else():
    fields = {field.name.upper() for field in dataclasses.fields(Settings)} - {"ROOT"}
    assert set(example()) == fields == set(DEFAULTS)


def test_the_example_gives_the_settings_that_hold_without_it(tmp_path: Path):
    without = read_settings({}, root=tmp_path)
    write_env(tmp_path, (ROOT / ".env.example").read_bytes())
    assert read_settings({}, root=tmp_path) == without


def test_each_line_of_the_example_has_a_comment_above_it():
    text = (ROOT / ".env.example").read_text()
    for key in example():
        assert re.search(rf"^# .+\n{key}=", text, re.MULTILINE), key


def test_the_example_names_the_public_releases_of_the_course():
    assert "https://github.com/schutera/pixelwise-model.git" in (ROOT / ".env.example").read_text()
