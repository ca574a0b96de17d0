#!/usr/bin/env bash
# From a fresh machine to a verified model and a database that is ready for the service. Safe to run again and safe to
# interrupt: each step looks before it acts, and says what it did or that there was nothing to do. Asks no questions.
# The same script serves development and production.
#
#   bash setup-server.sh                 everything that `pixelwise serve` needs
#   sudo bash setup-server.sh --service  and run it under systemd (deploy/service.sh); with --postgresql also in a database
#                                        of PostgreSQL, with --nginx NAME also behind nginx, under that name
#   bash setup-server.sh --check         say what it would do, and do nothing (also with --service and its options)
#   bash setup-server.sh --environment   only system packages and .venv, with what checks and tests need (used by the
#                                        Makefile)
#   bash setup-server.sh --releases v1.0 v2.0   only build these local releases (used by the Makefile)
#   bash setup-server.sh --trial         only a v3.0 that learns from few digits, by the same code: for tests
set -euo pipefail
shopt -s inherit_errexit # a command that fails ends $(…) too: half an answer is none
umask o-w

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
CHECK_ONLY=false
ENVIRONMENT_ONLY=false
RELEASES=()
TRIAL=false
SERVICE=false
POSTGRESQL=false
SITE_NAME=""
PYTHON=""
MADE_ANEW=false
PYTORCH_WITHOUT_CUDA=https://download.pytorch.org/whl/cpu # as PyTorch documents; for Linux it is published there alone

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
  writable
  system_packages
  possible_path
  environment .venv requirements.txt
  command_line
  if $ENVIRONMENT_ONLY; then
    environment .venv requirements-dev.txt
    return
  fi
  if [ ${#RELEASES[@]} -gt 0 ]; then
    for version in "${RELEASES[@]}"; do
      buildable "$version" "--releases $version" "Name a version that it has."
      training_environment "$version"
      build "$version"
    done
    return
  fi
  if $TRIAL; then trial; return; fi
  readable_settings
  known_versions
  settings_file
  secret_key
  notes_on_settings
  signature_packages
  release
  verify
  smoke_test
  if $SERVICE; then install_service; else database && best_version; fi
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
      "--trial "*) TRIAL=true ;;
      *) fail "unknown option: $1" "Options: --check, --service [--postgresql] [--nginx NAME], --releases VERSION..., --trial" 2 ;;
    esac
    shift
  done
  if ! $SERVICE && { $POSTGRESQL || [ -n "$SITE_NAME" ]; }; then
    fail "--postgresql and --nginx go with --service" "Give --service too." 2
  fi
}

# -- where this tree lies: refused before anything is installed ----------------------------------------------------------

writable() {
  local said
  if [ -w . ]; then return; fi
  said="$(LC_ALL=C mktemp -p . .set-up-XXXXXX 2>&1)" || true
  case "$said" in
    *"Read-only file system"*)
      fail "$ROOT lies on a read-only file system" \
        "Set it up where it can be written; once set up, it serves from there too, with DATA_DIR elsewhere."
      ;;
    *) fail "$ROOT may not be written by $(id -un)" "Run this as the user who owns it, or change its owner." ;;
  esac
}

possible_path() {
  if [ -z "$PYTHON" ]; then return; fi # --check, where there is none yet
  "$PYTHON" -c 'import os, re, sys
sys.exit(bool(re.search(r"""[:"$`\\\n]|[\udc80-\udcff]""", os.fsencode(sys.argv[1]).decode(errors="surrogateescape"))))' "$ROOT" ||
    fail "$ROOT has characters that no virtual environment can have in its path" \
      'Move the tree to a path without : " $ ` \ and line breaks, in UTF-8.'
}

room_for() { # MIB REQUIREMENTS: a disk that is full is no package registry that is away
  local table free
  table="$(df -Pm .)"
  free="$(awk 'NR == 2 { print $4 }' <<<"$table")"
  [ "$free" -ge "$1" ] ||
    fail "$free MiB are free where $ROOT lies, and $2 needs $1" "Free space on that disk, then run this again."
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

signature_packages() { # what checks signed tags, where a signature is required
  local required
  if $CHECK_ONLY && ! can_read_settings; then return; fi
  required="$(setting REQUIRE_SIGNATURE)"
  if [ "$required" = True ] && ! command -v ssh-keygen >/dev/null; then install_packages openssh-client; fi
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
  { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null; } ||
    fail "apt-get could not install $*" "Its message stands above: mend that, then run this again." 1
}

# -- virtual environments: the runtime's, and (only to build or test) the model repository's ----------------------------

environment() {
  local folder="$1" requirements="$2" stamp elsewhere="" clear=()
  stamp="$folder/.installed-$(basename "$requirements")"
  if [ -d "$folder" ] && [ -n "$PYTHON" ]; then elsewhere="$("$PYTHON" -I app/cli/virtual_environment.py "$folder")"; fi
  if [ -n "$elsewhere" ]; then
    say "$folder: $elsewhere: it was moved or copied"
    clear=(--clear)
    MADE_ANEW=true
  elif cmp -s "$requirements" "$stamp" && "$folder/bin/python" -c '' 2>/dev/null; then
    say "$folder: holds $requirements: nothing to do"
    return
  fi
  if $CHECK_ONLY; then
    if [ -n "$elsewhere" ]; then say "$folder: would be made anew for this folder"; fi
    say "$folder: would install $requirements (pinned and hashed)"
    return
  fi
  room_for 1024 "$requirements"
  if [ -n "$elsewhere" ]; then say "$folder: is made anew for this folder"; fi
  if ! { [ -d "${HOME:-}" ] && [ -w "$HOME" ]; }; then export PIP_NO_CACHE_DIR=1; fi
  say "$folder: installing $requirements (pinned and hashed; about a minute)"
  if [ ${#clear[@]} -gt 0 ] || ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    "$PYTHON" -m venv --clear "$folder" ||
      fail "$folder could not be made" "Python's message stands above (is python3-venv installed?): mend that, then run this again." 1
  fi
  packages "$folder" "$requirements" "${@:3}" ||
    fail "$requirements could not be installed" \
      "pip's message stands above (is the package registry reachable, and room in ${TMPDIR:-/tmp}?): mend that, then run this again." 6
  cp "$requirements" "$stamp" # written last: an interrupted installation is done again
}

packages() { # FOLDER REQUIREMENTS [INDEX]: from where pip looks; what is not there, from INDEX too
  local install=("$1/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$2")
  "${install[@]}" && return
  [ $# -gt 2 ] || return
  say "$1: asking $3 too"
  "${install[@]}" --extra-index-url "$3"
}

command_line() {
  local path
  if ! { $CHECK_ONLY && $MADE_ANEW; } && commands_are_of_this_tree; then say "command pixelwise: nothing to do"; return; fi
  if $CHECK_ONLY; then say "command pixelwise: would be installed into .venv/bin"; return; fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ||
    fail "the command pixelwise could not be installed" "pip's message stands above: mend that, then run this again." 1
  # Python reads this file in the locale's encoding, and ends where it cannot: so it names the tree without its path.
  for path in .venv/lib/python*/site-packages/app.pth; do printf '../../../..\n' >"$path"; done
  commands_are_of_this_tree ||
    fail "the command pixelwise was installed, and does not run this tree" "Say so, with the output of: .venv/bin/python -m site" 1
  say "command pixelwise: installed into .venv/bin"
}

commands_are_of_this_tree() { # from wherever it is called
  [ -x .venv/bin/pixelwise ] && [ -x .venv/bin/python ] &&
    (cd / && "$ROOT/.venv/bin/python" -c 'import app, os, sys; sys.exit(not os.path.samefile(app.__file__, sys.argv[1]))' \
      "$ROOT/app/__init__.py" 2>/dev/null)
}

# -- settings, release, checks -----------------------------------------------------------------------------------------

settings_file() {
  local mode
  if [ -e .env ]; then
    [ -r .env ] || fail ".env may not be read by $(id -un)" "Run this as its owner, $(stat -Lc %U .env), or as root."
    mode="$(stat -Lc %a .env)"
    if [ $((0$mode & 077)) -eq 0 ]; then
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
  .venv/bin/python -m app.settings --create
  say ".env: created from .env.example and what the environment asks for, mode 600"
}

notes_on_settings() { # where the environment beats .env; what others could guess
  local notes line
  if $CHECK_ONLY && ! can_read_settings; then return; fi
  notes="$(.venv/bin/python -m app.settings --notes)"
  if [ -z "$notes" ]; then return; fi
  while IFS= read -r line; do say "$line"; done <<<"$notes"
}

readable_settings() { # a setting that cannot be read is not an empty one: end before anything is written
  if $CHECK_ONLY && ! can_read_settings; then return; fi
  .venv/bin/python -m app.settings || exit 3
}

known_versions() { # a local release that nobody can build: said before anything is written or installed for it
  local repository versions version
  if $CHECK_ONLY && ! can_read_settings; then return; fi
  repository="$(setting MODEL_REPO)"
  repository="$(realpath -m -- "$repository")"
  if [ "$repository" != "$ROOT/pixelwise-model/releases.git" ]; then return; fi
  versions="$(setting MODEL_VERSIONS)"
  for version in $versions; do
    buildable "$version" "MODEL_VERSION=$version" "Correct MODEL_VERSION or MODEL_VERSIONS, in .env or where you gave it."
  done
}

buildable() { # VERSION, what names it, and what to do if it cannot be built
  grep -qF "    \"$1\": Recipe(" pixelwise-model/train.py || is_built "$1" ||
    fail "$2 cannot be built here: pixelwise-model/train.py has no such version" "$3"
}

is_built() { git --git-dir=pixelwise-model/releases.git rev-parse --verify --quiet "refs/tags/$1" >/dev/null 2>&1; }

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
  .venv/bin/python -m app.settings --put "$1" <<<"$2"
}

setting() { .venv/bin/python -m app.settings "$1"; }
setting_of_file() { .venv/bin/python -m app.settings --of-file "$1"; } # a service has no environment but .env
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
  local status date
  if is_built "$1"; then
    say "local release $1: built before: nothing to do"
    return
  fi
  if $CHECK_ONLY; then say "local release $1: would be trained and released ($(minutes "$1"))"; return; fi
  training_environment "$1"
  drawn_digits
  if is_network "$1"; then augmented_digits; fi
  say "local release $1: training and releasing ($(minutes "$1"))"
  date="$(source_date)"
  SOURCE_DATE_EPOCH="$date" "$(training_folder "$1")/bin/python" pixelwise-model/release.py "$1" --if-missing || {
    status=$?
    [ "$status" -ne 2 ] || fail "local release $1 cannot be built here" "Name another version." 3
    exit "$status"
  }
}

is_network() { case "$1" in v3.*) ;; *) return 1 ;; esac } # VERSION: PyTorch trains it, not scikit-learn

minutes() { if is_network "$1"; then printf '%s\n' 'some ten minutes'; else printf '%s\n' 'a minute or two'; fi; } # VERSION

trial() { # a v3.0 like the real one but for what it learnt: anew whenever anything that makes it has changed
  local repository=pixelwise-model/trial.git sources date
  training_environment v3.0
  drawn_digits
  drawn "digits for a trial" pixelwise-model/data/trial.npz "half a minute" \
    -m drawn.augment pixelwise-model/data --digits 3000 --copies 1 --outliers 600 --held-out 300
  sources="$(sha256sum pixelwise-model/*.py pixelwise-model/*.md pixelwise-model/data/trial.npz pixelwise-model/data/drawn.npz)"
  if [ "$sources" = "$(cat "$repository/sources" 2>/dev/null || true)" ]; then
    say "trial of v3.0: $repository: nothing to do"
    return
  fi
  say "trial of v3.0: training $repository (about a minute)"
  rm -rf "$repository"
  date="$(source_date)"
  SOURCE_DATE_EPOCH="$date" "$(training_folder v3.0)/bin/python" pixelwise-model/release.py v3.0 --repository "$repository" \
    --augmented pixelwise-model/data/trial.npz --epochs 8
  printf '%s\n' "$sources" >"$repository/sources" # written last
}

drawn_digits() { # what a release is measured with beside MNIST
  drawn "drawn digits" pixelwise-model/data/drawn.npz "about a minute" -m drawn
}

augmented_digits() { # what a network learns from beside MNIST
  drawn "digits to learn from" pixelwise-model/data/augmented.npz "some three minutes" -m drawn.augment pixelwise-model/data
}

drawn() { # WHAT FILE TIME ARGUMENTS: made anew whenever anything that makes it has changed
  local what="$1" file="$2" time="$3" sources
  shift 3
  sources="$(sha256sum requirements.txt drawn/*.py app/drawing/*.py)"
  if [ -e "$file" ] && [ "$sources" = "$(cat "$file.sources" 2>/dev/null || true)" ]; then
    say "$what: $file: nothing to do"
    return
  fi
  say "$what: drawing $file ($time)"
  .venv/bin/python "$@" "$file.draft" ||
    fail "the $what could not be made" "The message stands above: mend that, then run this again." 1
  mv "$file.draft" "$file"
  printf '%s\n' "$sources" >"$file.sources" # written last: an interrupted run draws again
}

source_date() { # the same sources at the same date make the same commit
  local date sources=(pixelwise-model drawn app/drawing)
  if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then printf '%s\n' "$SOURCE_DATE_EPOCH"; return; fi
  date="$(git -c log.showSignature=false log -1 --format=%ct -- "${sources[@]}" 2>/dev/null)" || date=""
  if [ -z "$date" ]; then # no repository, one of another user, or one that has no commit of them: their last change
    date="$(find "${sources[@]}" -maxdepth 1 -type f -name '*.*' ! -name '*.pkl' -printf '%Ts\n' | sort -n | tail -n 1)"
  fi
  printf '%s\n' "$date"
}

training_folder() { if is_network "$1"; then printf '%s\n' pixelwise-model/.venv-v3; else printf '%s\n' pixelwise-model/.venv; fi; }

training_environment() { # VERSION: PyTorch is installed only for a version that needs it
  local folder
  folder="$(training_folder "$1")"
  if is_network "$1"; then
    environment "$folder" pixelwise-model/requirements-v3.txt "$PYTORCH_WITHOUT_CUDA"
  else
    environment "$folder" pixelwise-model/requirements.txt
  fi
  if ! $CHECK_ONLY; then digits "$folder/bin/python"; fi
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

best_version() { # the default is the course's; a better one is a setting away
  local repository named
  if $CHECK_ONLY && ! can_read_settings; then return; fi
  repository="$(setting MODEL_REPO)"
  repository="$(realpath -m -- "$repository")"
  named="$(setting MODEL_VERSIONS)"
  if [ "$repository" != "$ROOT/pixelwise-model/releases.git" ] || [[ " $named " == *" v3."* ]]; then return; fi
  say "v3.0 reads what people draw best: \`MODEL_VERSION=v3.0 make run\` trains it, once, and serves it"
}

# One line, read whole before it runs: bash reads a script while it runs it, and an update may replace this one meanwhile.
main "$@"; exit
