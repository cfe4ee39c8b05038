#!/usr/bin/env bash
# Recovery: a backup is carried off, the log is lost, and the backup brings it back.
cd "$(dirname "$0")" && . ./common.sh

step "start an instance and write 20 records"
$SPL init >/dev/null
$SPL serve --port 0 >/dev/null
for n in $(seq 1 20); do post drill.recovery "record $n"; done
if command -v pgrep >/dev/null; then
  pgrep -af "spl serve" | grep -q -- "--home $SYNCROPEL_HOME" || fail "pgrep does not find the daemon"
fi

step "take a backup, check it, and carry it off"
$SPL backup now --to "$work/elsewhere" >/dev/null
$SPL backup verify "$work/elsewhere/hub.db.bak" | grep -q "each as its id says" || fail "the backup does not verify"
post drill.recovery "written after the backup"

step "lose the log: crash, and remove its files"
kill -9 "$(cat "$SYNCROPEL_HOME/run/spl.pid")"
sleep 0.2
rm -f "$SYNCROPEL_HOME/hub.db" "$SYNCROPEL_HOME/hub.db-wal" "$SYNCROPEL_HOME/hub.db-shm"

step "a start on the empty place is held, and takes no record"
$SPL serve --port 0 >"$work/out" 2>&1 || true
grep -q "the log is held" "$work/out" || { cat "$work/out"; fail "the loss was not told"; }
post drill.recovery "into the void" 2>/dev/null && fail "a held log took a record"
$SPL stop >/dev/null

step "restore the backup, and start"
$SPL backup restore "$work/elsewhere/hub.db.bak" >/dev/null
$SPL serve --port 0 >/dev/null
[ "$(count drill.recovery)" = 20 ] || fail "$(count drill.recovery) of 20 records came back"
$SPL store verify >/dev/null || fail "the restored log does not verify"

step "the manual's way: stop, copy the rolling backup over the log, start"
for n in 1 2 3; do post drill.recovery "later $n"; done
$SPL stop >/dev/null
rm -f "$SYNCROPEL_HOME/hub.db-wal" "$SYNCROPEL_HOME/hub.db-shm"
cp "$work/elsewhere/hub.db.bak" "$SYNCROPEL_HOME/hub.db"
$SPL serve --port 0 >"$work/out" 2>&1
grep -q "records are gone" "$work/out" || { cat "$work/out"; fail "it was not told what is gone"; }
[ "$(count drill.recovery)" = 20 ] || fail "the copy has not 20 records"

step "lose the whole home: the same instance comes back, with its settings and task files"
did=$($SPL init -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["did"])')
mkdir -p "$HOME/.syncro-data/tasks" && echo "# a task" >"$HOME/.syncro-data/tasks/W-1.md"
echo "# mine" >>"$SYNCROPEL_HOME/config.toml"
(umask 077 && echo "correct horse battery staple" >"$work/passphrase")
$SPL backup now --to "$work/usb" --with-keys --passphrase-file "$work/passphrase" >/dev/null
$SPL backup verify "$work/usb/hub.db.bak" | grep -q "unknown: no passphrase" || fail "a seal nobody opened passed for sound"
$SPL stop >/dev/null
rm -rf "$SYNCROPEL_HOME" "$HOME/.syncro-data"
$SPL init | grep -q "spl backup restore $work/usb/hub.db.bak --with-keys" || fail "init does not know the backup"
$SPL backup restore "$work/usb/hub.db.bak" --with-keys --with-config --with-data --passphrase-file "$work/passphrase" >/dev/null
grep -q "# mine" "$SYNCROPEL_HOME/config.toml" || fail "the settings did not come back"
grep -q "a task" "$HOME/.syncro-data/tasks/W-1.md" || fail "the task files did not come back"
$SPL serve --port 0 >/dev/null
$SPL status | grep -q "$did" || fail "another instance came back"
[ "$(count drill.recovery)" = 20 ] || fail "not all records came back"
