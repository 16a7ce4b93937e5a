#!/bin/sh
# Finds a Python for devtools/bootstrap.py, which does the rest: devtools/bootstrap.sh runtime|dev
set -eu
cd "$(dirname "$0")/.."

script='import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))'
fits() { "$1" -c "$script" >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:-} .venv/bin/python python3.11 python3.12 python3.13 python3.14 \
        python3 /usr/bin/python3 /usr/local/bin/python3; do
        if fits "$candidate"; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

if ! python=$(find_python); then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Python by apt-get"
        { apt-get update -qq && apt-get install -y -qq python3 python3-venv; } \
            >/dev/null 2>&1 || true
    fi
    if ! python=$(find_python); then
        echo "paydown: Python 3.11 or newer with venv is missing:" \
            "sudo apt-get install python3 python3-venv" >&2
        exit 2
    fi
fi
exec "$python" -m devtools.bootstrap "$@"
