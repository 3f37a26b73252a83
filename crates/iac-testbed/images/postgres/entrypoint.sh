#!/bin/bash
# Prepares a data directory when there is none, then runs PostgreSQL.
#
# Takes the variables of the official image: POSTGRES_PASSWORD (or POSTGRES_PASSWORD_FILE), POSTGRES_USER, POSTGRES_DB,
# POSTGRES_HOST_AUTH_METHOD, POSTGRES_INITDB_ARGS, PGDATA; and the folder /docker-entrypoint-initdb.d.
#
# The new data directory grows in $PGDATA/.init and is moved up when it is complete, PG_VERSION last. So a container
# that was killed half way starts again, or finishes the move; and nothing is deleted that this script did not make.
set -euo pipefail

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
growing=$PGDATA/.init
# Of the server that prepares the data: a folder of its own, so that no health check takes it for the real one.
socket=/tmp/postgres-init
server=
# As process 1 it would not hear SIGTERM without a trap.
trap 'exit 143' TERM INT

say() { echo "entrypoint: $*"; }

fail() {
    echo "entrypoint: $*" >&2
    exit 1
}

password() {
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        cat "$POSTGRES_PASSWORD_FILE"
    else
        printf '%s' "${POSTGRES_PASSWORD:-}"
    fi
}

# Runs as root only to own the folders; the rest is done as the user postgres.
become_postgres() {
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres:postgres {} +
    chmod 0700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
}

# SIGTERM makes PostgreSQL wait for its clients to leave; whoever stops a container does not wait that long.
stop() { [ -z "$server" ] || kill -INT "$server" 2>/dev/null || true; }

# Starts a server, hands SIGTERM and SIGINT to it as a fast shutdown, and ends as it ends.
supervise() {
    trap stop TERM INT
    "$@" &
    server=$!
    local status=0
    # A signal ends `wait` early, with a status above 128, while the server is still shutting down.
    while kill -0 "$server" 2>/dev/null; do
        status=0
        wait "$server" || status=$?
    done
    exit "$status"
}

query() { psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --host "$socket" --username "$user" "$@"; }

run_init_files() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh) say "running $file" && PGHOST=$socket PGUSER=$user PGDATABASE=$database bash "$file" ;;
            *.sql) say "running $file" && query --dbname "$database" --file "$file" ;;
            *.sql.gz) say "running $file" && gunzip --stdout "$file" | query --dbname "$database" ;;
            *) [ ! -e "$file" ] || say "ignoring $file" ;;
        esac
    done
}

# Makes the data directory in $growing.
grow() {
    rm -rf "$growing" "$socket"
    mkdir -m 0700 "$growing" "$socket"
    local options
    read -ra options <<<"${POSTGRES_INITDB_ARGS:-}"
    initdb --pgdata "$growing" --username "$user" --pwfile <(password; echo) --encoding UTF8 --locale C.UTF-8 \
        --auth-local trust --auth-host trust "${options[@]}"
    echo "listen_addresses = '*'" >>"$growing/postgresql.conf"
    echo "host all all all $method" >>"$growing/pg_hba.conf"

    local settings="-c listen_addresses='' -c unix_socket_directories='$socket'"
    pg_ctl --pgdata "$growing" --wait --silent --options "$settings" start
    if [ "$database" != postgres ]; then
        echo 'CREATE DATABASE :"name"' | query --dbname postgres --set "name=$database"
    fi
    run_init_files
    pg_ctl --pgdata "$growing" --mode fast --wait --silent stop
    rm -rf "$socket"
    touch "$growing/.complete"
}

move_up() {
    find "$growing" -mindepth 1 -maxdepth 1 ! -name PG_VERSION ! -name .complete -exec mv -t "$PGDATA" {} +
    sync
    mv "$growing/PG_VERSION" "$PGDATA"
    rm -rf "$growing"
}

prepare() {
    if [ -s "$PGDATA/PG_VERSION" ]; then
        rm -rf "$growing"
        return
    fi
    if [ ! -e "$growing/.complete" ]; then
        [ "$method" = trust ] || [ -n "$(password)" ] ||
            fail "no data in $PGDATA, and POSTGRES_PASSWORD is not set: set it, or POSTGRES_HOST_AUTH_METHOD=trust for a database that anyone may use"
        say "no data in $PGDATA: making database $database, user $user"
        grow
    fi
    move_up
    say "the data directory is complete"
}

case ${1:-} in
    -*) set -- postgres "$@" ;;
esac
if [ "${1:-}" != postgres ]; then
    exec "$@"
fi
mkdir -p "$PGDATA"
[ "$(id -u)" -ne 0 ] || become_postgres "$@"
# Another user may have made the folder, such as a kubelet; the server says so then.
chmod 0700 "$PGDATA" 2>/dev/null || true
prepare
supervise "$@"
