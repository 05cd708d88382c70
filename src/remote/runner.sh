# Runs the command once and writes down how it ended. $1 entry  $2 boot id  $3 digest  $4 sum  $5 day  $6 command
# Standard input is the command's; the process group is ours, or that of the attempt that began us.
exec 2>/dev/null
entry=$1 boot=$2 digest=$3 sum=$4 day=$5 command=$6
# Of all attempts the one that creates this file runs the command; nobody removes it once the command can have begun.
set -C
: >"$entry.run" || exit
set +C
read -r stat </proc/self/stat
set -- ${stat##*) }
# On a disk that is full by then the other lines still find room in the block that this one takes up.
echo "start $boot ${stat%% *} ${20} $3 $digest $sum $day" >>"$entry.run" || { rm -f "$entry.run"; exit; }
# For people.
nl='
'
printf 'cmd %.200s\n' "${command%%"$nl"*}" >>"$entry.run"
# By this, what leaves the process group is found again.
export SUMAC_ENTRY="$entry"
# We outlive the signal that ends the command, to write down what came of it.
trap : TERM INT HUP
{
  trap : TERM INT HUP
  # A second level keeps bash from reading its start-up files again.
  SHLVL=1 "${SHELL:-/bin/sh}" -c "$command" 2>&1
  rc=$?
  read -r up rest </proc/uptime
  echo "exit $rc $up" >>"$entry.run"
} | {
  trap '' TERM INT HUP
  # However fast the output is read elsewhere, and when the disk is full too, it goes on taking in what the command says.
  exec tee "$entry.out" >/dev/null
} || echo full >>"$entry.run"
