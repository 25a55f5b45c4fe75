#!/bin/sh
# Writes deploy/.env: every required variable of .env.example with a random value of its own, the optional ones empty.
set -eu

folder=$(dirname "$0")
target="${1:-$folder/.env}"
if [ -e "$target" ]; then
    echo "$target is there already; its passwords are in use. Move it away to have a new one." >&2
    exit 1
fi

secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# Kafka wants 16 bytes in base64.
cluster() { head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '=\n'; }

umask 077
required=yes
while IFS= read -r line; do
    case "$line" in
    '# May stay empty.') required=no ;;
    KAFKA_CLUSTER_ID=) line="$line$(cluster)" ;;
    [A-Z]*=) if [ $required = yes ]; then line="$line$(secret)"; fi ;;
    esac
    printf '%s\n' "$line"
done <"$folder/.env.example" >"$target"
echo "$target is written; only you can read it. Next: docker compose --file $folder/compose.yaml up --detach --build"
