#!/usr/bin/env bash
# Teardown: drain, stop, archive, delete; and the archive brings the instance back as it was.
cd "$(dirname "$0")" && . ./common.sh

step "an instance with 3 records"
$SPL init >/dev/null
$SPL serve --port 0 >/dev/null
for n in 1 2 3; do post drill.teardown "record $n"; done
before=$($SPL status -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["engine"]["did"])')

step "drain and stop"
$SPL drain start --reason "the end" >/dev/null
$SPL drain status >/dev/null
$SPL stop >/dev/null
[ ! -e "$SYNCROPEL_HOME/run/spl.pid" ] || fail "the PID file is still there"

step "compact the file; the log stays the same to the daemon"
python3 - "$SYNCROPEL_HOME/hub.db" <<'PYTHON'
import sqlite3, sys
sqlite3.connect(sys.argv[1], isolation_level=None).execute("VACUUM")
PYTHON

step "archive, delete"
tar czf "$work/archive.tar.gz" -C "$HOME" .syncro share
rm -rf "$SYNCROPEL_HOME" "$XDG_DATA_HOME"

step "the archive brings it back"
tar xzf "$work/archive.tar.gz" -C "$HOME"
$SPL serve --port 0 >"$work/out" 2>&1
grep -q "held\|gone" "$work/out" && { cat "$work/out"; fail "the archive is not whole"; }
after=$($SPL status -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["engine"]["did"])')
[ "$before" = "$after" ] || fail "it is another instance: $after"
[ "$(count drill.teardown)" = 3 ] || fail "$(count drill.teardown) of 3 records"
$SPL store verify >/dev/null || fail "the log does not verify"
