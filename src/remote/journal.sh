# One attempt at the command of a journal entry. Plain POSIX sh; built-ins wherever there is one, a fork costs a millisecond.
# An entry is three files: NAME.run says who runs it and how it ended, NAME.out holds its output, NAME.cmd the command.
# NAME.as is of claim.sh.
# $1 run or end       $2 name of the entry        $3 days since 1970, by the worker's clock
# $4 seconds since an earlier attempt may have started the command, 0 when there was none
# $5 digest of the command and of who runs it     $6 bytes of standard input, -1 for none
# $7 text of runner.sh                            $8 run: the command; end: why (cancelled, timeout)
# Standard input: a line with the digest of what is the command's and that itself, if it has any; then a line whenever
# there is something to wait for. Standard output: a mark, then the output. Standard error: lines that begin with the byte 036 (see journal.ts).
what=$1 entry=$2 day=$3 since=$4 digest=$5 bytes=$6 runner=$7 command=$8 shown= leads= sum=-
say() { printf '\036%s\n' "$*" >&2; }
pause() { sleep 0.1 2>/dev/null || sleep 1; }
locate
entry=$dir/$entry
read -r boot <"${SUMAC_BOOT_ID:-/proc/sys/kernel/random/boot_id}"
read -r up rest </proc/uptime

# What the entry says: boot, pid, birth and process group of its runner, what it runs and since which day, exit status and
# when, who ended it, whether its output is cut.
look() {
  bootid= pid= born= group= its= from= rc= at= ended= full=
  [ -e "$entry.run" ] || return 0
  while read -r key a b c d e f g; do
    case $key in
    start) bootid=$a pid=$b born=$c group=$d its=${e:+$e $f} from=$g ;;
    exit) [ -n "$rc" ] || rc=$a at=$b ;;
    end) ended=$a from=${from:-$b} ;;
    full) full=1 ;;
    esac
  done <"$entry.run"
  [ "$what" != run ] || [ -z "$its" ] || [ "$its" = "$digest $sum" ] || { say reused; exit 0; }
}

# Whether the runner lives: a process with its pid that began when it did, since the same boot.
alive() {
  [ "$bootid" = "$boot" ] && { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
  set -- ${stat##*) }
  [ "$1" != Z ] && [ "${20}" = "$born" ]
}

# What has been written since the last time.
show() {
  if [ -z "$shown" ]; then
    [ -s "$entry.out" ] || return 0
    exec 3<"$entry.out"
    shown=1
  fi
  cat <&3
}

# In a child: whether the shell that began it still lives.
waited() {
  read -r stat </proc/self/stat
  set -- ${stat##*) }
  [ "$2" = $$ ]
}

finish() {
  [ -z "$full" ] || say full
  say "exit $rc ${born:--} ${at:--} $ended"
  exit 0
}

# Whether all days since then are over. No clock is trusted alone: one that jumps must not take away what is new.
old() {
  if [ "$bootid" = "$boot" ] && [ -n "$at" ]; then [ $((${up%.*} - ${at%.*})) -gt 1209600 ]
  else [ $((day - ${from:-0})) -gt 14 ]; fi
}

# Once a day: entries of commands that ended more than 14 days ago, a thousand at a time.
sweep() {
  rm -f "$dir"/.swept-*
  : >"$dir/.swept-$day"
  cd "$dir" || return
  what=sweep n=0 seen=0
  set --
  for file in $(
    find . -name '*.run' -mtime +14 | head -n 1000
    find . -type f ! -name '*.run' ! -name '*.now' -mtime +14 | head -n 1000
    find . -name '*.now' -mtime +400 | head -n 1000
  ); do
    seen=$((seen + 1))
    entry=${file%.*}
    case $file in
    *.run)
      look
      old && { [ -n "$rc" ] || ! alive; } || continue
      set -- "$@" "$entry.cmd" "$entry.out" "$entry.as"
      ;;
    # What a file held: see files.sh.
    *.was)
      from=
      read -r a b c from <"$entry.now"
      [ $((day - ${from:-0})) -gt 14 ] || continue
      ;;
    # Goes along with its entry, unless it never had one.
    *) [ ! -e "$entry.run" ] || continue ;;
    esac
    set -- "$@" "$file"
    n=$((n + 1))
  done
  [ "$n" -gt 0 ] || return
  rm -f "$@"
  [ "$seen" -lt 1000 ] || rm -f "$dir/.swept-$day"
}

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

printf '\036sumac\036\n'

if [ -z "$dir" ]; then
  echo 'neither the home directory nor /var/tmp can be written' >&2
  say unwritable
  exit 0
fi

if [ "$what" = end ]; then
  [ -d "$dir" ] || mkdir -p -m 700 "$dir" || exit 1
  # Taking the entry's place keeps an attempt that is on its way from starting.
  if (set -C; : >"$entry.run") 2>/dev/null; then
    printf 'end %s %s\nexit 143 %s\n' "$command" "$day" "$up" >>"$entry.run"
    say never
    exit 0
  fi
  killed=
  look
  n=0
  while [ -z "$pid$rc" ] && [ "$n" -lt 20 ]; do pause; n=$((n + 1)); look; done
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
    echo "end $command $day" >>"$entry.run"
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
  finish
fi

if [ "$bytes" -ge 0 ] && ! read -r sum; then
  say cut
  exit 0
fi
if [ -e "$entry.as" ] && read -r as <"$entry.as" && [ "$as" != "$digest" ]; then
  say reused
  exit 0
fi

if [ ! -e "$entry.run" ]; then
  if [ "${up%.*}" -lt "$since" ]; then
    say rebooted
    exit 0
  fi
  # The entry of an earlier attempt may have been swept.
  if [ "$since" -gt 1200000 ]; then
    say forgotten
    exit 0
  fi
  [ -d "$dir" ] || mkdir -p -m 700 "$dir"
  if ! printf '%s\n' "$command" >"$entry.cmd"; then
    say unwritable
    exit 0
  fi
  if [ ! -e "$dir/.swept-$day" ]; then (exec </dev/null >/dev/null 2>&1; sweep) & fi
  if [ "$bytes" -ge 0 ]; then
    rm -f "$entry".in.*
    if ! head -c "$bytes" >"$entry.in.$$"; then
      rm -f "$entry.in.$$"
      say unwritable
      exit 0
    fi
    if [ "$(wc -c <"$entry.in.$$")" -ne "$bytes" ]; then
      rm -f "$entry.in.$$"
      say cut
      exit 0
    fi
    exec 4<"$entry.in.$$"
    rm -f "$entry.in.$$"
  else
    exec 4</dev/null
  fi
  trap tick=1 USR1
  read -r stat </proc/self/stat
  set -- ${stat##*) }
  # Who leads a session without a terminal, as under sshd, needs no other one for the command.
  [ "$3 $4 $5" = "$$ $$ 0" ] && leads=1
  set -- "$entry" "$boot" "$digest" "$sum" "$day" "$command"
  if [ -n "$leads" ]; then
    (exec <&4 >/dev/null 2>&1 4<&-; eval "$runner") &
  else
    setsid sh -c "$runner" sumac "$@" <&4 >/dev/null 4<&- &
  fi
  job=$!
  exec 4<&- 5<&0
  # Each line from the other side wakes us to pass on what has been written; its end is ours.
  {
    exec <&5 5<&- >/dev/null 2>&1
    while read -r key; do
      waited || exit
      kill -USR1 $$
    done
    waited && kill $$
  } &
  reader=$!
  late=0
  while :; do
    tick=
    wait $job
    [ -n "$tick" ] || break
    show
    say .
    # A daemon that keeps the output open does not keep us.
    look
    [ -z "$rc" ] || late=$((late + 1))
    [ "$late" -lt 2 ] || break
  done
  kill $reader
  look
  [ "$late" -lt 2 ] || { show; finish; }
  if [ -z "$pid$rc" ] && [ ! -e "$entry.run" ]; then
    show
    say nostart
    exit 0
  fi
fi

[ -n "$rc" ] || look
if [ -z "$rc" ] && [ -n "$born" ]; then say "attached $((${up%.*} - born / 100))"; fi
n=0
while [ -z "$rc" ]; do
  if [ -z "$pid" ]; then
    [ "$n" -lt 20 ] || { say lost; exit 0; }
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
show
finish
