# A throwaway PostgreSQL server in a temporary folder, for tests and measurements. Sourced, not run.
# postgres_start sets POSTGRES_URL; postgres_stop ends the server and removes its folder.

postgres_bin() {
    local folder
    for folder in /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/x)")"; do
        if [ -x "$folder/initdb" ]; then
            echo "$folder"
            return
        fi
    done
    return 1
}

as_postgres() { # PostgreSQL refuses to run as root.
    if [ "$(id -u)" -eq 0 ]; then (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"); else "$@"; fi
}

postgres_start() {
    local bin port
    bin=$(postgres_bin) || return 1
    POSTGRES_FOLDER=$(mktemp -d)
    [ "$(id -u)" -ne 0 ] || chown postgres "$POSTGRES_FOLDER"
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    as_postgres "$bin/initdb" -D "$POSTGRES_FOLDER/data" -U finder -A trust -E UTF8 --locale=C.UTF-8 >/dev/null || return 1
    as_postgres "$bin/pg_ctl" -w -D "$POSTGRES_FOLDER/data" -l "$POSTGRES_FOLDER/log" -o \
        "-h 127.0.0.1 -p $port -k $POSTGRES_FOLDER -c fsync=off -c synchronous_commit=off -c full_page_writes=off" \
        start >/dev/null || return 1
    POSTGRES_URL=postgresql+psycopg://finder@127.0.0.1:$port/postgres
}

postgres_stop() {
    [ -n "${POSTGRES_FOLDER:-}" ] || return 0
    as_postgres "$(postgres_bin)/pg_ctl" -D "$POSTGRES_FOLDER/data" -m immediate stop >/dev/null 2>&1
    rm -rf "$POSTGRES_FOLDER"
}
