#!/bin/sh
# down.sh DIR: ends the mail server that up.sh started in DIR, by its recorded process id.
# The mail stays; remove DIR to be rid of it.
set -eu
[ $# = 1 ] || { echo "usage: down.sh DIR" >&2; exit 2; }
pidfile="$1/run/master.pid"
rm -f "$1/env"
[ -s "$pidfile" ] || exit 0
pid=$(cat "$pidfile")
running() { kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; }
if running; then
  # The number may belong to somebody else by now.
  ps -o args= -p "$pid" | grep -q dovecot || { echo "mailserver: process $pid is not Dovecot, left alone" >&2; exit 1; }
  kill "$pid"
  waited=0
  while running && [ $waited -lt 50 ]; do
    waited=$((waited + 1))
    sleep 0.1
  done
  ! running || { echo "mailserver: process $pid does not end" >&2; exit 1; }
fi
rm -f "$pidfile"
