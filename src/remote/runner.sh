# Leads its own session, runs the command once and writes down how it ended. $1 entry  $2 boot id  $3 who collects  $4 command
# Standard input and output are those of the command.
entry=$1 boot=$2 owner=$3 command=$4
# Of all attempts the one that creates this file runs the command; nobody ever removes it before it has run.
set -C
{ : >"$entry.run"; } 2>/dev/null || exit
set +C
read -r stat <"/proc/$$/stat"
set -- ${stat##*) }
echo "start $boot $$ ${20} $owner" >>"$entry.run" || { rm -f "$entry.run"; exit; }
# Outlives the signal that ends the command, to write down what came of it.
trap : TERM INT HUP
"${SHELL:-/bin/sh}" -c "$command"
rc=$?
read -r up rest </proc/uptime
echo "exit $rc $up" >>"$entry.run"
