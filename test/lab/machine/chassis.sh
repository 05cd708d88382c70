#!/bin/sh
# chassis.sh MACHINE_DIR MC get|set|check NAME [VALUE] ...: ipmi_sim's chassis_control of one machine.
# Every order is logged in MACHINE_DIR/bmc.log before it is passed to the power supply, so before the BMC answers.
dir=$1 operation=$3
shift 3
order() { # LOGGED [PASSED ON]
  printf '{"time":"%s","command":"%s"}\n' "$(date -u +%FT%T.%3NZ)" "$1" >>"$dir/bmc.log"
  [ -z "${2:-}" ] || echo "$2" >"$dir/orders"
}
if [ "$operation" = get ]; then
  for name; do
    case $name in
    power | boot) read -r value <"$dir/$name" && echo "$name:$value" ;;
    esac
  done
  exit 0
fi
[ "$operation" = set ] || exit 0
while [ $# -gt 0 ]; do
  case $1 in
  power) if [ "$2" = 1 ]; then order 'power on' on; else order 'power off' off; fi ;;
  reset) order 'power reset' reset ;;
  shutdown) order 'power soft' soft ;;
  boot)
    order "boot $2"
    echo "$2" >"$dir/boot"
    ;;
  identify) shift ;;
  esac
  shift 2
done
