#!/bin/sh
# Runs every test of pimesh on a Debian machine that has Rust and a C compiler:
#
#   sh tests/run.sh
#
# Installs what the tests need and the machine lacks (a mail server, openssl, Python's venv), starts
# a private Dovecot on loopback and always stops it again. Says what it skipped and why.
#   PIMESH          the binary for the checks from outside (default: a release build)
#   PIMESH_CORPUS   a folder of real files to run against (default: ../shared, if it is there)
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
cd "$root"
target=${CARGO_TARGET_DIR:-$root/target}
mail=
skipped=""

say() { printf '\n== %s\n' "$*"; }
skip() {
    printf 'skipped: %s\n' "$*"
    skipped="$skipped
  $*"
}
stop() { printf 'cannot go on: %s\n' "$*" >&2; exit 1; }

# One step, with its time.
step() {
    what=$1
    shift
    say "$what"
    began=$(date +%s)
    "$@" || { code=$?; printf '\nfailed: %s (exit %s)\n' "$what" "$code" >&2; exit "$code"; }
    printf -- '-- %s: %s s\n' "$what" "$(($(date +%s) - began))"
}

# --- what the machine must have -----------------------------------------------------------------

command -v cargo > /dev/null || stop "no cargo: install Rust from https://rustup.rs"
command -v cc > /dev/null || stop "no C compiler: install gcc or clang"

missing=""
have_dovecot() {
    PATH=$PATH:/usr/sbin command -v dovecot > /dev/null \
        && [ -x /usr/lib/dovecot/imap ] && [ -x /usr/lib/dovecot/pop3 ]
}
if ! have_dovecot; then missing="$missing dovecot-core dovecot-imapd dovecot-pop3d"; fi
if ! command -v openssl > /dev/null; then missing="$missing openssl"; fi
if ! command -v python3 > /dev/null; then missing="$missing python3"; fi
if ! python3 -c 'import venv, ensurepip' 2> /dev/null; then missing="$missing python3-venv"; fi
if [ "$(id -u)" = 0 ]; then # only root can make machines of its own
    if ! command -v ip > /dev/null; then missing="$missing iproute2"; fi
    if ! PATH=$PATH:/usr/sbin command -v nft > /dev/null; then missing="$missing nftables"; fi
fi
if [ -n "$missing" ]; then
    say "installing$missing"
    command -v apt-get > /dev/null || stop "please install, by this system's own means:$missing"
    if [ "$(id -u)" = 0 ]; then
        as_root=""
    elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
        as_root="sudo -n"
    else
        stop "please run as root: apt-get install --no-install-recommends$missing"
    fi
    # Word splitting is meant: a command and a list of packages.
    # shellcheck disable=SC2086
    $as_root apt-get update -q > /dev/null || printf 'apt-get update failed; trying with the lists there are\n'
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing > /dev/null \
        || stop "apt-get could not install$missing"
fi

# --- Python, kept out of the system -------------------------------------------------------------

venv=$target/check-venv
python=$venv/bin/python
if ! cmp -s "$here/check/requirements.txt" "$venv/installed"; then
    say "Python packages for the checks"
    if python3 -m venv "$venv" && "$python" -m pip install -q --disable-pip-version-check -r "$here/check/requirements.txt"; then
        cp "$here/check/requirements.txt" "$venv/installed"
    else
        skip "checks that read mails with icalendar and vobject: pip could not install them"
    fi
fi
have_packages() { cmp -s "$here/check/requirements.txt" "$venv/installed"; }

# --- real files, where there are any ------------------------------------------------------------

if [ -z "${PIMESH_CORPUS:-}" ] && [ -d "$root/../shared/corpus" ]; then
    PIMESH_CORPUS=$(CDPATH='' cd -- "$root/../shared" && pwd)
fi
if [ -n "${PIMESH_CORPUS:-}" ]; then
    export PIMESH_CORPUS
else
    skip "everything that runs against real files: set PIMESH_CORPUS to a folder of them"
fi

# --- a mail server of our own -------------------------------------------------------------------

finish() {
    code=$?
    trap - EXIT INT TERM HUP
    if [ -n "$mail" ]; then
        sh "$here/mailserver/down.sh" "$mail" || true
        rm -rf -- "$mail"
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
# Not below target/: run by root, Dovecot takes another account, which must be able to get there.
mail=$(mktemp -d /tmp/pimesh-mail.XXXXXX)
mkdir -p "$target/tests"
step "a private Dovecot" sh "$here/mailserver/up.sh" "$mail"
PIMESH_MAILSERVER=$mail/env
export PIMESH_MAILSERVER

# --- the tests ----------------------------------------------------------------------------------

step "cargo test" cargo test --workspace --locked
if [ -z "${PIMESH:-}" ]; then
    step "the binary as people run it" cargo build --release --locked -p pimesh
    PIMESH=$target/release/pimesh
fi
export PIMESH

step "the checker of losses is not blind" python3 "$here/check/lossless.py" --self-test
step "nothing is lost of our own odd files" python3 "$here/check/lossless.py" "$here/check/quirks"
if [ -n "${PIMESH_CORPUS:-}" ]; then
    step "nothing is lost" python3 "$here/check/lossless.py" --json "$target/tests/lossless.json"
    step "no file hurts" python3 "$here/check/robust.py" --json "$target/tests/robust.json"
    if have_packages; then
        step "everything is when its text says" "$python" "$here/check/occurrences.py" \
            --json "$target/tests/occurrences.json"
    else
        skip "rules and zones against libical, dateutil and Python: no Python packages"
    fi
    if have_packages && [ -f "$PIMESH_CORPUS/tools/gen/gen.py" ]; then
        step "a mailbox on two devices" "$python" "$here/check/two_devices.py"
    else
        skip "a generated mailbox on two devices: no generator of mails, or no Python packages"
    fi
fi
if [ "$(id -u)" = 0 ]; then
    step "devices on machines of their own" env PATH="$PATH:/usr/sbin" python3 "$here/check/lan.py"
    step "devices behind routers" env PATH="$PATH:/usr/sbin" python3 "$here/check/nat.py"
else
    skip "devices on machines of their own (network namespaces): run as root"
fi
if [ -f mobile-ffi/test.sh ]; then
    step "the library for apps, from Python" sh mobile-ffi/test.sh
fi

say "all passed"
if [ -n "$skipped" ]; then printf 'skipped:%s\n' "$skipped"; fi
