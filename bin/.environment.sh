# Sourced by every command of a checkout: sets $root and $python, makes .venv from the
# lock file when it is missing or older than the lock, and costs one `cmp` otherwise.

root=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
lock=${AMO_LOCK:-$root/requirements.lock}
venv=${AMO_VENV:-$root/.venv}
python=$venv/bin/python

make_environment() {
    base=
    for candidate in python3.11 python3 python3.12 python3.13 python3.14; do
        # A name on PATH may be a shim of a version manager that has nothing behind it.
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            base=$candidate
            break
        fi
    done
    if [ -z "$base" ]; then
        echo "ERROR [2]: no Python 3.11 or newer was found on PATH" >&2
        echo "HINT: install it, for example: apt-get install python3 python3-venv" >&2
        return 2
    fi
    [ -t 2 ] && echo "making $venv from $(basename "$lock") (once)" >&2
    "$base" -m venv "$venv" || {
        echo "ERROR [2]: $base cannot make a virtual environment" >&2
        echo "HINT: on Debian and Ubuntu: apt-get install python3-venv" >&2
        return 2
    }
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        --requirement "$lock" >"$venv/pip.log" 2>&1 || {
        echo "ERROR [2]: the packages of $lock could not be installed" >&2
        sed 's/^/DETAIL: /' "$venv/pip.log" | tail -n 5 >&2
        echo "HINT: check the network and 'pip config list', then run the same command again" >&2
        return 2
    }
    cp "$lock" "$venv/installed.lock"
}

# Two commands started together must not build the same environment twice: flock where
# the system has it (all of Linux), else the second simply repeats the first one's work.
if ! cmp -s "$lock" "$venv/installed.lock"; then
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$root/.venv.flock"
        flock 9
    fi
    if ! cmp -s "$lock" "$venv/installed.lock"; then
        make_environment || exit $?
    fi
    if command -v flock >/dev/null 2>&1; then
        exec 9>&-
    fi
fi

export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
