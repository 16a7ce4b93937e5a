#!/bin/sh
# Finds a Python for devtools/bootstrap.py, which does the rest.
#     devtools/bootstrap.sh runtime|dashboard|dev|audit|fuzz|clean
# PYTHON=/path/to/python names one. Nothing is installed with the machine's package manager.
set -eu
cd "$(dirname "$0")/.."

probe='import sys
found = "Python %d.%d.%d" % sys.version_info[:3]
if sys.version_info < (3, 11):
    sys.exit(found + " is too old")
try:
    import ensurepip, venv
except ImportError:
    sys.exit(found + " has no venv")'

refused=
fits() {
    path=$(command -v "$1" 2>/dev/null) || return 1
    why=$("$path" -c "$probe" 2>&1) && return 0
    refused="$refused; $path: ${why:-does not run}"
    return 1
}

find_python() {
    for candidate in "$@"; do
        if fits "$candidate"; then
            python=$path
            return 0
        fi
    done
    return 1
}

# The command that installs Python on this distribution.
install_command() {
    sudo=
    [ "$(id -u)" = 0 ] || sudo='sudo '
    if command -v apt-get >/dev/null; then
        echo "${sudo}apt-get install -y python3 python3-venv"
    elif command -v dnf >/dev/null; then
        echo "${sudo}dnf install -y python3.12"
    elif command -v zypper >/dev/null; then
        echo "${sudo}zypper install -y python312"
    elif command -v pacman >/dev/null; then
        echo "${sudo}pacman -S --needed python"
    elif command -v apk >/dev/null; then
        # there the packages of Java, PostgreSQL and Node have no builds
        echo "${sudo}apk add python3 openjdk21-jre-headless postgresql nodejs npm"
    elif command -v brew >/dev/null; then
        echo "brew install python@3.12"
    fi
}

missing() {
    echo "paydown: Python 3.11 or newer with venv is missing${refused:+ (${refused#; })}" >&2
    command=$(install_command)
    [ -z "$command" ] || echo "paydown: install it by:  $command" >&2
    echo "paydown: or name one:  make ${target:-demo} PYTHON=/path/to/python3.12" >&2
    exit 2
}

# What the command removes or replaces is not what runs it, except where there is nothing else.
others="python3.11 python3.12 python3.13 python3.14 python3 /usr/bin/python3 /usr/local/bin/python3"
module=devtools.bootstrap
case "${1:-}" in
    clean) own= module=devtools.clean; shift ;;
    *) own=.venv/bin/python ;;
esac
if [ -n "${PYTHON:-}" ]; then
    find_python "$PYTHON" || {
        echo "paydown: PYTHON=$PYTHON cannot be used: ${refused#*: }" >&2
        exit 2
    }
else
    find_python $own $others || missing
fi
exec "$python" -m "$module" "$@"
