# Answers one question for every script here: is .venv ready for this lock? Source it, then call
#
#     ensure_venv requirements.lock        # what running stocksync needs
#     ensure_venv requirements-dev.lock    # that, and what testing it needs
#     ensure_npm                           # the programs of npm that some tests run; fails where there is no npm
#
# and use "$python". Where packages come from is pip's own configuration (an index, or a folder of wheels), and npm's.
# Not here: what is run afterwards, and how the locks are made (scripts/lock; tests/npm/installed.py).

project_root="$(CDPATH='' cd "${BASH_SOURCE[0]%/*}/.." && pwd)"
venv="$project_root/.venv"
python="$venv/bin/python"

complain() { printf 'stocksync: %s\n' "$*" >&2; }

# Prints the first Python that can make our environment; otherwise says what to install, and fails.
find_python() {
    local name bare=
    for name in python3.11 python3.12 python3.13 python3.14 python3; do
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
        if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
        bare="${bare:-$name}"
    done
    if [[ -n $bare ]]; then
        complain "$bare cannot make a virtual environment, a part of it is missing" \
            "(on Debian and Ubuntu: apt-get install $bare-venv)."
    else
        complain "Python 3.11 or newer is needed, and there is none on the PATH."
    fi
    return 1
}

# The folder counts: a copied checkout must not go on running the code of the one it was copied from.
fingerprint() {
    { printf '%s\n' "$project_root"; cat "$project_root/$1" "$project_root/pyproject.toml"; } | sha256sum
}

stamped() { [[ -f $venv/.installed-$1 && $(<"$venv/.installed-$1") == "$(fingerprint "$1")" ]]; }

# The development lock holds every pin of the runtime one, so it answers for both.
is_installed() { [[ -x $python ]] && { stamped "$1" || stamped requirements-dev.lock; }; }

create_venv() {
    local base
    base="$(find_python)" || return
    complain "making .venv with $("$base" --version)"
    "$base" -m venv --clear "$venv"
}

pip_install() { "$python" -m pip install --quiet --disable-pip-version-check --no-input "$@"; }

install_lock() {
    "$python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || create_venv || return
    complain "installing $1 into .venv"
    # Before, not after: an installation that breaks off must not pass for the one that was there.
    rm -f "$venv"/.installed-* || return
    pip_install --require-hashes -r "$project_root/$1" || return
    pip_install --no-deps -e "$project_root" || return
    fingerprint "$1" >"$venv/.installed-$1"
}

ensure_venv() {
    is_installed "$1" && return
    (
        # Two scripts started at once must not install into the same folder at once.
        if command -v flock >/dev/null; then flock 9; fi
        is_installed "$1" || install_lock "$1"
    ) 9<"${BASH_SOURCE[0]}"
}

# Node 18 is Debian 12's, and the oldest on which the programs of tests/npm were tried.
has_npm() {
    command -v npm >/dev/null &&
        node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)' >/dev/null 2>&1
}

npm_fingerprint() { cat "$project_root/tests/npm/package.json" "$project_root/tests/npm/package-lock.json" | sha256sum; }

npm_is_installed() {
    local stamp="$project_root/tests/npm/node_modules/.installed"
    [[ -f $stamp && $(<"$stamp") == "$(npm_fingerprint)" ]]
}

# No scripts of packages are run: none of these needs any.
install_npm() {
    complain "installing tests/npm/package-lock.json"
    npm ci --prefix "$project_root/tests/npm" --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null || return
    npm_fingerprint >"$project_root/tests/npm/node_modules/.installed"
}

ensure_npm() {
    has_npm || return
    npm_is_installed && return
    (
        if command -v flock >/dev/null; then flock 9; fi
        npm_is_installed || install_npm
    ) 9<"$project_root/tests/npm/package.json"
}
