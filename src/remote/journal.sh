# One attempt at the command of a journal entry. Plain POSIX sh; built-ins wherever there is one, a fork costs a millisecond.
# An entry is three files: NAME.run says who runs it and how it ended, NAME.out holds its output, NAME.cmd the command.
# $1 run or end       $2 name of the entry        $3 days since 1970, for the daily sweep
# $4 seconds since an earlier attempt may have started the command, 0 when there was none
# $5 bytes of standard input, -1 for none         $6 text of runner.sh
# $7 run: the command; end: why (cancelled, timeout)
# Standard input: the bytes, then a line whenever there is something to wait for. Standard output: a mark, then the output. Standard error: lines that begin with the byte 036 (see journal.ts).
what=$1 entry=$2 day=$3 since=$4 bytes=$5 runner=$6 command=$7 shown= leads=
say() { printf '\036%s\n' "$*" >&2; }
pause() { sleep 0.1 2>/dev/null || sleep 1; }
# Only root can read that one.
if [ -n "$SUMAC_JOURNAL" ]; then dir=$SUMAC_JOURNAL
elif [ -r /proc/1/environ ]; then dir=/var/lib/sumac/journal
else dir=$HOME/.sumac/journal; fi
entry=$dir/$entry
read -r boot <"${SUMAC_BOOT_ID:-/proc/sys/kernel/random/boot_id}"
read -r up rest </proc/uptime

# What the entry says: boot, pid, birth and process group of its runner, exit status and when, who ended it.
look() {
  bootid= pid= born= group= rc= at= ended=
  [ -e "$entry.run" ] || return 0
  while read -r key a b c d; do
    case $key in
    start) bootid=$a pid=$b born=$c group=$d ;;
    exit) [ -n "$rc" ] || rc=$a at=$b ;;
    end) ended=$a ;;
    esac
  done <"$entry.run"
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
ours() {
  read -r stat </proc/self/stat
  set -- ${stat##*) }
  [ "$2" = $$ ]
}

finish() {
  say "exit $rc ${born:--} ${at:--} $ended"
  exit 0
}

# Once a day: entries of commands that ended more than 14 days ago.
sweep() {
  rm -f "$dir"/.swept-*
  : >"$dir/.swept-$day"
  find "$dir" -name '*.run' -mtime +14 | head -n 5000 | while read -r file; do
    entry=${file%.run}
    look
    if [ -n "$rc" ] || ! alive; then rm -f "$entry".*; fi
  done
}

printf '\036sumac\036\n'

if [ "$what" = end ]; then
  [ -d "$dir" ] || mkdir -p -m 700 "$dir" || exit 1
  # Taking the entry's place keeps an attempt that is on its way from starting.
  if (set -C; : >"$entry.run") 2>/dev/null; then
    printf 'end %s\nexit 143 %s\n' "$command" "$up" >>"$entry.run"
    say never
    exit 0
  fi
  look
  n=0
  while [ -z "$pid$rc" ] && [ "$n" -lt 20 ]; do pause; n=$((n + 1)); look; done
  [ -z "$rc" ] || finish
  if ! alive; then
    look
    [ -z "$rc" ] || finish
    if [ -n "$pid" ] && [ "$bootid" != "$boot" ]; then say rebooted; else say lost; fi
    exit 0
  fi
  echo "end $command" >>"$entry.run"
  kill -TERM -"$group"
  n=0
  while kill -0 -"$group" 2>/dev/null && [ "$n" -lt 50 ]; do pause; n=$((n + 1)); done
  if kill -KILL -"$group" 2>/dev/null; then pause; fi
  look
  if [ -z "$rc" ]; then
    read -r up rest </proc/uptime
    echo "exit 137 $up" >>"$entry.run"
    look
  fi
  finish
fi

if [ ! -e "$entry.run" ]; then
  if [ "${up%.*}" -lt "$since" ]; then
    say rebooted
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
    head -c "$bytes" >"$entry.in.$$"
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
  set -- "$entry" "$boot" "$command"
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
      ours || exit
      kill -USR1 $$
    done
    ours && kill $$
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
show
finish
