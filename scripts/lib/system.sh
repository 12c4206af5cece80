# What a layer of the tests needs beyond Python, installed where that is possible. Sourced by scripts/test.
# shellcheck shell=bash

# Makes sure that one of the programs in $1 (separated by |) exists, from the Debian packages $2... if it can.
need_program() {
  local names="$1" name
  shift
  for name in ${names//|/ }; do command -v "$name" >/dev/null 2>&1 && return; done
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    printf 'error: %s is missing. Install it (Debian: apt-get install %s) and run this again.\n' "${names//|/ or }" "$*" >&2
    return 1
  fi
  printf 'test: installing %s\n' "$*" >&2
  DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -qq update >&2 \
    && DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -o Dpkg::Use-Pty=0 -qq install -y --no-install-recommends "$@" >&2 \
    || { printf 'error: apt-get could not install %s\n' "$*" >&2; return 1; }
}
