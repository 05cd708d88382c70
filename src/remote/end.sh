# Ends what an entry's command has begun, and keeps it from beginning. After locate.sh, entry.sh and take.sh.
# $1 name of the entry  $2 days since 1970, by the worker's clock  $3 why (cancelled, timeout)
day=$2 why=$3
enter "$1"

# Processes that the entry's command has left: found. Marked ones wherever they went; once the group was killed, its too.
left() {
  found= inside=
  for file in $(
    grep -lzF "SUMAC_ENTRY=$entry" /proc/[0-9]*/environ 2>/dev/null
    [ -z "$killed" ] || grep -l "^[0-9]* (.*) [^Z] [0-9]* $group " /proc/[0-9]*/stat 2>/dev/null
  ); do
    file=${file%/*}
    is=${file#/proc/}
    case "$found " in *" $is:"*) continue ;; esac
    { read -r comm <"$file/comm" && read -r stat <"$file/stat"; } 2>/dev/null || continue
    set -- ${stat##*) }
    [ "$1" != Z ] || continue
    found="$found $is:$comm"
    [ "$3" != "$group" ] || inside=1
  done
}

take "$why" "$day"
killed=
if [ -z "$rc" ] && ! alive; then
  look
  [ "$bootid" != "$boot" ] || left
  # Without its runner, only a process that is marked proves that the group is still the same one.
  if [ -z "$rc$inside" ]; then
    [ -z "$found" ] || say "left$found"
    if [ -n "$pid" ] && [ "$bootid" != "$boot" ]; then say rebooted; else say lost; fi
    exit 0
  fi
fi
if [ -z "$rc" ]; then
  echo "end $why $day" >>"$entry.run"
  kill -TERM -"$group"
  n=0
  while kill -0 -"$group" 2>/dev/null && [ "$n" -lt 50 ]; do pause; n=$((n + 1)); done
  if kill -KILL -"$group" 2>/dev/null; then pause; fi
  killed=1
  look
  if [ -z "$rc" ]; then
    read -r up rest </proc/uptime
    echo "exit 137 $up" >>"$entry.run"
    look
  fi
fi
# A command that ended by itself may have left a service behind.
if [ -n "$ended" ] && [ -n "$group" ]; then
  left
  [ -z "$found" ] || say "left$found"
fi
verdict
