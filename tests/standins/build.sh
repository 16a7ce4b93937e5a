#!/bin/sh
# Builds the stand-in images that are missing, on the engine DOCKER_HOST names. Needs root (debootstrap), the Kafka jars and Node 20 on this machine.
set -eu
cd "$(dirname "$0")"
jars=$(cd ../.. && pwd)/.cache/kafka-jars
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DOCKER_BUILDKIT=0

missing() { [ -z "$(docker image ls -q "standin/$1")" ]; }

if missing python; then
    echo "building standin/python"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip bookworm "$work/root" >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; exit 1; }
    tar -C "$work/root" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists -c . | docker import - standin/debian:bookworm >/dev/null
    mkdir -p "$work/python/ca"
    cp python/Dockerfile "$work/python/"
    find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$work/python/ca/" \; 2>/dev/null || true
    docker build -q -t standin/python "$work/python" >/dev/null
fi
if missing node; then
    echo "building standin/node"
    mkdir -p "$work/node/modules"
    cp node/Dockerfile "$work/node/"
    cp "$(readlink -f "$(command -v node)")" "$work/node/node"
    cp -r "$(npm root -g)/npm" "$work/node/modules/"
    docker build -q -t standin/node "$work/node" >/dev/null
fi
if missing kafka; then
    echo "building standin/kafka"
    mkdir -p "$work/kafka"
    cp kafka/* ../../deploy/kafka/log4j2.properties "$work/kafka/"
    cp -rL "$jars" "$work/kafka/jars"
    docker build -q -t standin/kafka "$work/kafka" >/dev/null
fi
if missing postgres; then
    echo "building standin/postgres"
    docker build -q -t standin/postgres postgres >/dev/null
fi
