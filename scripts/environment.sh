# shellcheck shell=bash
# The set-up that scripts/demo, scripts/test and .ci/run share; sourced by bash, with the project as working directory.
#
#   prepare EXTRA PACKAGE...   brings .venv up to date with the extra of setup.cfg; Debian's packages are installed
#                              as root or with sudo, else listed
#
# Nothing is done again that was done: .venv/ready-EXTRA holds what it was done for. A set-up that was broken off
# leaves .venv/unfinished, and the next one begins anew.

# On Ctrl-C apt and pip end by themselves, and in order: that must not look like a package that is missing.
trap 'exit 130' INT

say() { printf '%s\n' "$*" >&2; }

stop() {
  say "set-up: $*"
  exit 69
}

# Prints the Python to use: the one on PATH, but where Raspberry Pi OS's picamera2 is installed, the one that has it.
# Never that of .venv, which is first on the PATH of a shell that activated it: .venv cannot be made with itself.
find_python() {
  local candidate PATH=:$PATH:
  PATH=${PATH//":$PWD/.venv/bin:"/:}
  PATH=${PATH#:} PATH=${PATH%:}
  for candidate in ${PYTHON:-/usr/bin/python3 python3 python3.13 python3.12 python3.11}; do
    if [ "$candidate" = /usr/bin/python3 ] && [ -z "${PYTHON:-}" ] && ! has_picamera2 "$candidate"; then
      continue
    fi
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  stop "needs Python 3.11 or newer, and $(python3 --version 2>&1 || true) is what is here;" \
    "use Debian or Raspberry Pi OS 12 or newer, or name another: PYTHON=/usr/local/bin/python3.11 $0"
}

has_picamera2() {
  "$1" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("picamera2") is None)' 2>/dev/null
}

# Prints those of the packages that are missing. A program counts wherever it comes from.
missing_packages() {
  local package
  for package; do
    case $package in
      mosquitto) PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mosquitto >/dev/null || echo "$package" ;;
      *-venv) "$python" -c 'import ensurepip, venv' 2>/dev/null || echo "$package" ;;
      *) dpkg -s "$package" >/dev/null 2>&1 || echo "$package" ;;
    esac
  done
}

# The name of Debian's package with the venv module of $python.
venv_package() {
  if [ "$python" = /usr/bin/python3 ]; then echo python3-venv; else basename "$python" | sed 's/$/-venv/'; fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    sudo "$@"
  else
    return 1
  fi
}

install_packages() {
  local packages log
  mapfile -t packages < <(missing_packages "$@")
  [ ${#packages[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    say "set-up: missing here: ${packages[*]} (Debian's names); going on without"
    return 0
  fi
  log=$(mktemp)
  say "set-up: installing ${packages[*]} ..."
  if as_root sh -c 'apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"' \
    sh "${packages[@]}" >"$log" 2>&1 </dev/null; then
    # The system's own broker is not wanted, but by scripts/install: Debian starts it after the installation.
    case " ${packages[*]} " in
      *" mosquitto "*)
        if [ "${broker:-no}" = no ] && [ -d /run/systemd/system ] &&
          as_root systemctl --quiet disable --now mosquitto 2>/dev/null; then
          say "set-up: the system's own broker stays off; it is switched on by: sudo systemctl enable --now mosquitto"
        fi
        ;;
    esac
  else
    [ ! -s "$log" ] || tail -n 5 "$log" >&2
    say "set-up: missing here; as root run: apt-get install ${packages[*]}"
    say "set-up: going on without"
  fi
  rm -f "$log"
}

# Creates .venv if there is none for this Python, this place and this choice of site packages.
create_venv() {
  local site=$1 wanted
  wanted="$python $("$python" --version) $PWD site=$site"
  if [ -e .venv/unfinished ] || [ "$(cat .venv/made-for 2>/dev/null)" != "$wanted" ] || ! .venv/bin/python -c '' 2>/dev/null
  then
    rm -rf .venv
    mkdir .venv
    touch .venv/unfinished
    local options=()
    [ "$site" = no ] || options=(--system-site-packages)
    "$python" -m venv "${options[@]}" .venv >/dev/null 2>&1 ||
      stop "no virtual environment could be made; as root run: apt-get install $(venv_package)"
    echo "$wanted" >.venv/made-for
  fi
}

install_python_packages() {
  local extra=$1 site=$2
  touch .venv/unfinished
  : >.venv/constraints
  if [ "$site" = yes ]; then
    # Apt's picamera2 is built for apt's numpy: another one in front of it breaks it.
    .venv/bin/python -c 'import numpy; print(f"numpy=={numpy.__version__}")' >.venv/constraints 2>/dev/null || true
  fi
  say "set-up: installing Python packages into .venv (a few minutes the first time on a Pi) ..."
  PIP_CONSTRAINT=$PWD/.venv/constraints .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check \
    --no-warn-script-location --editable ".[$extra]" >&2 ||
    stop "pip could not install the packages; is there a connection to the Internet? Run $0 again"
  rm .venv/unfinished
}

prepare() {
  local extra=$1 site=no stamp started=$SECONDS
  shift
  # One set-up at a time: the lock is on a file that is there anyway, and ends with this script's set-up.
  exec 9<setup.cfg
  if ! flock --nonblock 9; then
    say "set-up: waiting for another one in this folder ..."
    flock 9
  fi
  python=$(find_python)
  ! has_picamera2 "$python" || site=yes
  install_packages "$(venv_package)" "$@"
  create_venv "$site"
  stamp=$(cat setup.cfg pyproject.toml edgeclassify/__init__.py | sha256sum)
  if [ "$(cat ".venv/ready-$extra" 2>/dev/null)" != "$stamp" ]; then
    rm -f ".venv/ready-$extra"
    install_python_packages "$extra" "$site"
    echo "$stamp" >".venv/ready-$extra"
    say "set-up: done in $((SECONDS - started)) s"
  fi
  exec 9<&-
}
