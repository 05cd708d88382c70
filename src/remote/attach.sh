# How an attempt sees a command through that has begun. After entry.sh.
# Standard output: a mark, then the output.
shown=

# What has been written since the last time.
show() {
  if [ -z "$shown" ]; then
    [ -s "$entry.out" ] || return 0
    exec 3<"$entry.out"
    shown=1
  fi
  cat <&3 || exit 1
}

finish() {
  [ -n "$shown" ] || { [ -s "$entry.out" ] && exec 3<"$entry.out"; } || { verdict; exit 0; }
  [ -n "$kept" ] || { verdict; exec cat <&3; }
  cat <&3 && verdict
  exit 0
}

# Where there is no entry: whether there may have been one, $since seconds ago or less.
missed() {
  if [ "${up%.*}" -lt "$since" ]; then say rebooted
  # It may have been swept.
  elif [ "$since" -gt 1200000 ]; then say forgotten
  else return 0; fi
  exit 0
}

attach() {
  [ -n "$rc" ] || look
  if [ -z "$rc" ] && [ -n "$born" ]; then say "attached $((${up%.*} - born / 100))"; fi
  n=0
  while [ -z "$rc" ]; do
    if [ -z "$pid" ]; then
      # Its runner may be slow to begin: seven seconds.
      [ "$n" -lt 25 ] || { say lost; exit 0; }
    elif [ "$bootid" != "$boot" ]; then
      show
      say rebooted
      exit 0
    elif ! alive; then
      look
      # Killed by whoever ended it, who may not have come to write it down yet.
      [ -z "$ended" ] || rc=${rc:-137} at=${at:-$up}
      [ -z "$rc" ] || break
      show
      say lost
      exit 0
    fi
    show
    say .
    if [ "$n" -lt 20 ]; then pause; else sleep 1; fi
    n=$((n + 1))
    look
  done
  # Its runner ends once the last of the output is written down.
  n=0
  while alive && [ "$n" -lt 20 ]; do pause; n=$((n + 1)); done
  set -- "$rc" "$at"
  look
  rc=$1 at=$2
  finish
}
