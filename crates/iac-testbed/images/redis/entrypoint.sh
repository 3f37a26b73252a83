#!/bin/bash
# Runs redis-server as the user redis, with its data in the working directory and open to the container's network.
set -euo pipefail

case ${1:-} in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1:-}" = redis-server ]; then
    shift
    # A configuration file has to be the first argument; what follows overrides it.
    file=()
    if [ -n "${1:-}" ] && [ "${1#-}" = "$1" ]; then
        file=("$1")
        shift
    fi
    set -- redis-server "${file[@]}" --bind '*' '-::*' --protected-mode no "$@"
    if [ "$(id -u)" -eq 0 ]; then
        find . ! -user redis -exec chown redis:redis {} +
        set -- setpriv --reuid=redis --regid=redis --init-groups "$@"
    fi
fi
exec "$@"
