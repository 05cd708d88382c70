# What an attempt at a journal entry and what ends it have in common. After locate.sh.
# Once entered, $entry is its path, but for what follows the last dot.
# An entry is two files: NAME.run says what it is, who runs it and how it ended, NAME.out holds its output. NAME.as is of claim.sh.
# Plain POSIX sh; built-ins wherever there is one, as programs cost more than all else here.
# Standard error: lines that begin with the byte 036 (see journal.ts).
say() { printf '\036%s\n' "$*" >&2; }
pause() { sleep 0.1 2>/dev/null || sleep 1; }

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
  [ -z "$mine" ] || [ -z "$its" ] || [ "$its" = "$mine" ] || { say reused; exit 0; }
}

# Whether the runner lives: a process with its pid that began when it did, since the same boot.
alive() {
  [ "$bootid" = "$boot" ] && { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
  set -- ${stat##*) }
  [ "$1" != Z ] && [ "${20}" = "$born" ]
}

verdict() {
  [ -z "$full" ] || say full
  say "exit $rc ${born:--} ${at:--} $ended"
}

# $1 name of the entry
enter() {
  entry=$1 mine=
  read -r boot <"${SUMAC_BOOT_ID:-/proc/sys/kernel/random/boot_id}"
  read -r up rest </proc/uptime
  locate
  entry=$dir/$entry
  printf '\036sumac\036\n'
  [ -n "$dir" ] || {
    echo 'neither the home directory nor /var/tmp can be written' >&2
    say unwritable
    exit 0
  }
}
