#!/usr/bin/env bash
# A real OpenStack on one machine, for the end-to-end tests. README.md tells what it is made of.
#
#   lab.sh up              installs, configures, starts and fills it; does only what is still missing
#   lab.sh status          one line for each service; exit code 0 when all of them run
#   lab.sh env             the credentials as `export NAME=value` lines:  eval "$(lab.sh env)"
#   lab.sh down [--purge]  stops everything it started; --purge removes its data too (not the packages)
#
# Variables: LAB (directory of all its data, /var/lib/openstack-lab), LAB_PORTS (added to every usual port, 10000),
# LAB_VOLUMES_SIZE (size of the volume store, 8G), S3_LAB_PORT (from which Glance may download, 18080).
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/scripts
. "$scripts/common.sh"

[ "$(id -u)" = 0 ] || fail "the lab needs root"
case "${1:-}" in
  up)
    mkdir -p "$LAB"/{bin,etc,run,log,state}
    exec 9>"$RUN/up.lock"
    flock -n 9 || fail "another 'lab.sh up' is at work"
    . "$scripts/up.sh"
    ;;
  down)
    [ -d "$RUN" ] || exit 0
    . "$scripts/down.sh"
    if [ "${2:-}" = --purge ]; then
      for name in bin cinder etc glance image lib log mysql neutron nova openrc rabbit run state; do rm -rf "${LAB:?}/$name"; done
      rmdir "$LAB" 2>/dev/null || true
    fi
    ;;
  status) service_table ;;
  env)
    [ -r "$LAB/openrc" ] || fail "no lab in $LAB: run 'lab.sh up'"
    cat "$LAB/openrc"
    ;;
  *) fail "usage: lab.sh up | status | env | down [--purge]" ;;
esac
