# Shared by the scripts of this folder: programs of the npm registry, kept beside the Python environment and never in the
# repository.
# Sourced, not run; expects `set -euo pipefail`, `project` (the checkout's folder) and environment.sh.

# npm_package NAME VERSION: print the folder of a package, installed first unless it is there; fails where that is not
# possible.
npm_package() {
    local home=$project/.venv/npm/$1-$2
    if [ ! -e "$home/.done" ]; then
        command -v npm >/dev/null || install_package npm "$1" || return 1
        echo "Installing $1 $2 (once) …" >&2
        mkdir -p "$home"
        npm install --prefix "$home" --no-save --no-audit --no-fund --loglevel=error "$1@$2" >&2 || return 1
        touch "$home/.done"
    fi
    echo "$home/node_modules/$1"
}

# npm_archive NAME VERSION: print the folder with the files of a package, without what it depends on; fails where that is
# not possible.
npm_archive() {
    local home=$project/.venv/npm/$1-$2
    if [ ! -e "$home/.done" ]; then
        command -v npm >/dev/null || install_package npm "$1" || return 1
        echo "Fetching $1 $2 (once) …" >&2
        rm -rf "$home" && mkdir -p "$home"
        (cd "$home" && npm pack --silent "$1@$2" >/dev/null && tar xzf ./*.tgz && rm ./*.tgz) || return 1
        touch "$home/.done"
    fi
    echo "$home/package"
}
