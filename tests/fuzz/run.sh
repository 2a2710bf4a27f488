#!/bin/sh
# Fuzzes targets until their coverage has not grown for ten CPU minutes, and keeps the inputs:
#
#   sh tests/fuzz/run.sh [TARGET]...          (default: all)
#
# Needs a nightly compiler, cargo-fuzz and zstd. What it finds:
#   tests/fuzz/kept/TARGET.tar.zst   few short inputs that reach most of what was reached, and
#                                    all that once broke a promise; the tests run them
#   tests/fuzz/artifacts/TARGET/     inputs that broke a promise; the run of that target ends
#   PIMESH_CORPUS   a folder of real files to begin with (default: ../shared, if it is there)
#   PATIENCE        CPU minutes without growth (default: 10)
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
patience=${PATIENCE:-10}
real=${PIMESH_CORPUS:-$here/../../../shared}
for tool in cargo-fuzz zstd; do
    command -v "$tool" > /dev/null || { printf 'please install %s\n' "$tool" >&2; exit 1; }
done
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | grep -v '^pimesh')

cargo +nightly fuzz build --sanitizer none > /dev/null
made=target/x86_64-unknown-linux-gnu/release
[ -d "$made" ] || made=target/$(rustc -vV | sed -n 's/^host: //p')/release

# Real files of the kinds a target reads, small enough to be changed usefully.
seeds() {
    [ -d "$real" ] || return 0
    case $1 in
        vcard | quoted_printable) kinds='-name *.vcf' ;;
        mail) kinds='-name *.eml -o -name *.mime' ;;
        content_lines) kinds='-name *.vcf -o -name *.ics' ;;
        icalendar | itip | recurrence) kinds='-name *.ics' ;;
        *) return 0 ;;
    esac
    number=0
    # No file name of a corpus has a line break; patterns must not meet files of this folder.
    set -f
    # shellcheck disable=SC2086
    find "$real" -type f -size -16k \( $kinds \) | while read -r file; do
        number=$((number + 1))
        cp -- "$file" "corpus/$1/seed-$number"
    done
    set +f
}

# CPU seconds that what this shell has started and ended has used, in $spent.
clock() {
    times > corpus/times # not in $(), which counts for itself
    spent=$(sed -n '2s/m/ /;2s/s.*//p' corpus/times | awk '{ print int($1 * 60 + $2) }')
}

reached() { sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$1" | tail -n 1; }

for target in "$@"; do
    mkdir -p "corpus/$target" "artifacts/$target" kept
    if [ -f "kept/$target.tar.zst" ]; then
        zstd -dcq "kept/$target.tar.zst" | tar -xf - -C "corpus/$target"
    fi
    seeds "$target"
    best=0 quiet=0 seconds=0 runs=0 crashes=0
    while [ "$quiet" -lt $((patience * 60)) ]; do
        # A minute at a time, of which a busy machine gives a part: its own time is what counts.
        clock; before=$spent
        "$made/$target" "corpus/$target" -max_total_time=60 -max_len=4096 -rss_limit_mb=4096 \
            -timeout=20 -print_final_stats=1 -artifact_prefix="artifacts/$target/" \
            > "corpus/$target.log" 2>&1 || crashes=$((crashes + 1))
        clock; used=$((spent - before))
        seconds=$((seconds + used))
        done_now=$(sed -n 's/^stat::number_of_executed_units: *//p' "corpus/$target.log")
        runs=$((runs + ${done_now:-0}))
        now=$(reached "corpus/$target.log")
        if [ "${now:-0}" -gt "$best" ]; then best=$now quiet=0; else quiet=$((quiet + used)); fi
        if [ "$crashes" -gt 0 ]; then break; fi
    done
    rm -rf "corpus/$target.small" && mkdir "corpus/$target.small"
    "$made/$target" -set_cover_merge=1 -max_len=1024 "corpus/$target.small" "corpus/$target" \
        > /dev/null 2>&1 || true
    # What once did harm stays, whether or not it reaches anything else.
    for harm in "corpus/$target"/crash-* "artifacts/$target"/*; do
        if [ -f "$harm" ]; then cp -- "$harm" "corpus/$target.small/"; fi
    done
    (cd "corpus/$target.small" && tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - .) \
        | zstd -19 -qfo "kept/$target.tar.zst"
    printf '%s: %s CPU minutes, %s executions, %s places reached, %s inputs kept, %s crashes\n' \
        "$target" "$((seconds / 60))" "$runs" "$best" "$(find "corpus/$target.small" -type f | wc -l)" "$crashes"
done
