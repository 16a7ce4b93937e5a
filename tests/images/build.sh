#!/bin/sh
# Builds the stand-in images that are missing or out of date, on the engine that DOCKER_HOST names.
# Needs root (debootstrap), the Kafka jars and Node on this machine or of its package in .venv.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
jars=$root/.cache/kafka-jars
PATH=$root/.venv/node-bin:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DOCKER_BUILDKIT=0

# A digest of what an image is made of: this script, the image's folder, and the other arguments.
digest() {
    folder=$1
    shift
    { cat build.sh "$folder"/*; printf '%s\n' "$@"; } | sha256sum | cut -c1-32
}

changed() {
    label='{{index .Config.Labels "paydown.inputs"}}'
    [ "$(docker image inspect -f "$label" "standin/$1" 2>/dev/null)" != "$2" ] \
        && echo "building standin/$1"
}

build() {
    old=$(docker image ls -q "standin/$1")
    docker build -q --label "paydown.inputs=$2" -t "standin/$1" "$3" >/dev/null
    # Refused while other images are based on it; then it is removed with the last of them.
    [ -z "$old" ] || docker rmi "$old" >/dev/null 2>&1 || true
}

certificates=/usr/local/share/ca-certificates
digests=$(find $certificates -name '*.crt' -exec sha256sum {} + 2>/dev/null | sort)
python=$(digest python "$digests")
if changed python "$python"; then
    packages=ca-certificates,python3,python3-venv,python3-pip
    debootstrap --variant=minbase --include=$packages bookworm "$work/root" >"$work/log" 2>&1 \
        || { tail -5 "$work/log" >&2; exit 1; }
    tar -C "$work/root" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists -c . \
        | docker import - standin/debian:bookworm >/dev/null
    mkdir -p "$work/python/ca"
    cp python/Dockerfile "$work/python/"
    find $certificates -name '*.crt' -exec cp {} "$work/python/ca/" \; 2>/dev/null || true
    build python "$python" "$work/python"
fi
node=$(digest node "$python" "$(node --version)" "$(npm --version)")
if changed node "$node"; then
    mkdir -p "$work/node/modules"
    cp node/Dockerfile "$work/node/"
    cp "$(readlink -f "$(command -v node)")" "$work/node/node"
    cp -r "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$work/node/modules/npm"
    build node "$node" "$work/node"
fi
# the jars' names contain their versions
kafka=$(digest kafka "$python" "$(cat ../../deploy/kafka/log4j2.properties)" "$(ls "$jars")")
if changed kafka "$kafka"; then
    mkdir -p "$work/kafka"
    cp kafka/* ../../deploy/kafka/log4j2.properties "$work/kafka/"
    cp -rL "$jars" "$work/kafka/jars"
    build kafka "$kafka" "$work/kafka"
fi
postgres=$(digest postgres "$python")
if changed postgres "$postgres"; then
    build postgres "$postgres" postgres
fi
