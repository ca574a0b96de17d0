#!/usr/bin/env bash
# Measures every performance claim, peers side by side, and writes benchmarks/results/, docs/benchmarks.md and its plot.
# Safe to run again and safe to interrupt: the environment is made when its pins changed, the documents are written last.
#
#   bash benchmarks/run.sh           everything, some minutes; wants a machine that does nothing else
#   bash benchmarks/run.sh --quick   a few rounds: shows the table, leaves docs/ as it is
set -euo pipefail
shopt -s inherit_errexit

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
FOLDER=benchmarks/.venv
REQUIREMENTS=benchmarks/requirements.txt
STAMP="$FOLDER/.installed-requirements.txt"

say() { printf '%s\n' "bench: $*" >&2; }
fail() { say "$1"; say "-> $2"; exit "$3"; }

main() {
  cd "$ROOT"
  case "${1:-}" in
    "" | --quick) ;;
    *) fail "unknown option $1" "Options: --quick" 2 ;;
  esac
  [ -x .venv/bin/python ] || fail "there is no .venv" "Run: bash setup-server.sh" 3
  [ -x pixelwise-model/.venv/bin/python ] || fail "there is no pixelwise-model/.venv" "Run: make releases" 3
  environment
  exec "$FOLDER/bin/python" benchmarks/run.py "$@"
}

environment() {
  if cmp -s "$REQUIREMENTS" "$STAMP" && "$FOLDER/bin/python" -c '' 2>/dev/null; then
    say "$FOLDER: holds $REQUIREMENTS: nothing to do"
    return
  fi
  say "$FOLDER: installing $REQUIREMENTS (pinned and hashed; about a minute)"
  "$FOLDER/bin/python" -m pip --version >/dev/null 2>&1 || .venv/bin/python -m venv --clear "$FOLDER"
  "$FOLDER/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$REQUIREMENTS" ||
    fail "$REQUIREMENTS could not be installed" "Is the package registry reachable? Then run this again." 6
  cp "$REQUIREMENTS" "$STAMP" # written last: an interrupted installation is done again
}

main "$@"; exit # one line: bash reads a script while it runs it
