# Shared by the scripts of this folder: finds Python, keeps .venv in step with a list of requirements, and installs what
# the system lacks.
# Sourced, not run; expects `set -euo pipefail` and `project` (the checkout's folder).

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer was not found. Install it (on Debian: apt-get install python3 python3-venv) and try again." >&2
    return 1
}

# prepare_environment REQUIREMENTS STAMP: make .venv and install the file into it, unless its stamp says that it was done.
# The stamp is written last, so an interrupted installation is taken up again.
prepare_environment() {
    local requirements=$1 stamp=$project/.venv/$2 wanted
    wanted=$(cat "$project/requirements.txt" "$requirements" | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -x "$project/.venv/bin/python" ]; then
        return
    fi
    (
        flock 9
        if ! "$project/.venv/bin/python" -m pip --version >/dev/null 2>&1; then
            echo "Making the Python environment in .venv …" >&2
            python=$(find_python)
            rm -rf "$project/.venv"
            if ! "$python" -m venv "$project/.venv" >&2; then
                echo "The environment could not be made. On Debian: apt-get install python3-venv, then try again." >&2
                exit 1
            fi
        fi
        if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
            echo "Installing the packages of ${requirements#"$project"/} (about a minute the first time) …" >&2
            "$project/.venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input \
                --requirement "$requirements" >&2
            echo "$wanted" >"$stamp"
        fi
    ) 9>"$project/.environment.lock"
}

install_package() { # PACKAGE PURPOSE: install a Debian package where that is allowed
    local become=""
    [ "$(id -u)" -eq 0 ] || become="sudo -n"
    command -v apt-get >/dev/null || return 1
    echo "Installing $1 for the $2 group …" >&2
    { $become apt-get install -y -qq --no-install-recommends "$1" ||
        { $become apt-get update -qq && $become apt-get install -y -qq --no-install-recommends "$1"; }; } \
        >"$project/.apt.log" 2>&1 || {
        tail -3 "$project/.apt.log" >&2
        return 1
    }
    rm -f "$project/.apt.log"
}
