#!/bin/bash
# A real S3 server for the tests: one-node Ceph (mon, osd, radosgw) on 127.0.0.1, from Debian's packages, as plain processes.
#
#   lab.sh up      starts it; makes the cluster on the first run and installs the packages if they are missing
#   lab.sh down    ends its processes; `down --wipe` removes the data too
#   lab.sh env     prints the variables by which a client finds it: eval "$(bash test/s3-lab/lab.sh env)"
#
#   S3_LAB_DIR     where everything lies                    (/var/lib/snapbank-s3-lab)
#   S3_LAB_PORT    of the gateway; mon +1, osd +2 .. +19    (18080, which the OpenStack lab's Glance may download from)
#   S3_LAB_GIB     size of the sparse data file             (32)
set -Eeuo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB=${S3_LAB_DIR:-/var/lib/snapbank-s3-lab}
PORT=${S3_LAB_PORT:-18080}
DATA_BYTES=$((${S3_LAB_GIB:-32} << 30))
ENDPOINT=http://127.0.0.1:$PORT
BUCKET=lab
export CEPH_CONF=$LAB/etc/ceph.conf

die() { echo "lab.sh: $*" >&2; exit 1; }
trap 'echo "lab.sh: line $LINENO failed; see $LAB/log, or begin anew after: lab.sh down --wipe" >&2' ERR

install_packages() {
  local missing="" program
  for program in ceph-mon ceph-osd radosgw radosgw-admin ceph monmaptool curl; do
    command -v "$program" >/dev/null || missing+=" $program"
  done
  [ -z "$missing" ] && return
  echo "installing for$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=600 update -qq
  apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends \
    ceph-mon ceph-osd radosgw ceph-common curl >/dev/null
  # The packages would start daemons of their own where there is a systemd.
  if [ -d /run/systemd/system ]; then systemctl disable --now ceph.target >/dev/null 2>&1 || true; fi
}

write_configuration() {
  [ -s "$CEPH_CONF" ] && return
  cat >"$CEPH_CONF" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = v2:127.0.0.1:$((PORT + 1))/0
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
ms_bind_msgr1 = false
ms_bind_port_min = $((PORT + 2))
ms_bind_port_max = $((PORT + 19))
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = $LAB/run
admin_socket = $LAB/run/\$name.\$pid.asok
log_file = $LAB/log/\$name.log
mon_cluster_log_file = $LAB/log/cluster.log
crash_dir = $LAB/run/crash
debug_ms = 0/0
# One copy of everything. Without a manager nobody scales placement groups, so their number is given.
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0

[mon]
mon_data = $LAB/mon/\$id
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_warn_on_pool_no_redundancy = false
auth_allow_insecure_global_id_reclaim = false
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
# By default the monitor leaves a disk that is 95 % full.
mon_data_avail_crit = 1
mon_data_avail_warn = 2

[osd]
osd_data = $LAB/osd/\$id
osd_journal =
osd_objectstore = bluestore
osd_memory_target = 1073741824
bluestore_block_create = true
bluestore_block_size = $DATA_BYTES
bluestore_fsck_on_mkfs = false
osd_max_scrubs = 0

[client.rgw]
rgw_data = $LAB/run/rgw
rgw_frontends = beast endpoint=127.0.0.1:$PORT tcp_nodelay=1
# The gateway alone asks for an encrypted monitor by default, which there is none of without authentication.
ms_mon_client_mode = crc
rgw_dns_name = localhost
rgw_dynamic_resharding = false
rgw_enable_quota_threads = false
# By default deleted data stays for two hours.
rgw_gc_obj_min_wait = 10
rgw_gc_processor_period = 20
rgw_gc_processor_max_time = 60
debug_rgw = 1/1
CONF
}

# A pid file holds pid and start time, so that a recycled pid is never taken for ours.
start_time() { awk '$3 != "Z" { print $22 }' "/proc/$1/stat" 2>/dev/null || true; }

alive() {
  local pid started
  [ -s "$LAB/run/$1.pid" ] && read -r pid started <"$LAB/run/$1.pid" || return 1
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]
}

spawn() {
  local name=$1 pid
  shift
  alive "$name" && return
  setsid nohup "$@" >>"$LAB/log/$name.out" 2>&1 </dev/null 9>&- &
  pid=$!
  echo "$pid $(start_time "$pid")" >"$LAB/run/$name.pid"
}

# await NAME SECONDS COMMAND…: until the command succeeds, as long as the daemon lives
await() {
  local name=$1 tries=$(($2 * 5))
  shift 2
  while ! "$@" >/dev/null 2>&1; do
    alive "$name" || die "$name ended: see $LAB/log"
    [ $((tries -= 1)) -gt 0 ] || die "$name does not answer: see $LAB/log"
    sleep 0.2
  done
}

osd_is_up() { ceph --connect-timeout 5 osd stat | grep -q '1 up'; }

start_monitor() {
  if [ ! -e "$LAB/mon/made" ]; then
    rm -rf "$LAB/mon/a"
    mkdir "$LAB/mon/a"
    monmaptool --create --clobber --fsid "$(awk '$1 == "fsid" { print $3 }' "$CEPH_CONF")" \
      --addv a "[v2:127.0.0.1:$((PORT + 1))/0]" "$LAB/mon/monmap" >/dev/null 2>&1
    ceph-mon --mkfs -i a --monmap "$LAB/mon/monmap" >>"$LAB/log/mon.out" 2>&1
    touch "$LAB/mon/made"
  fi
  spawn mon ceph-mon -f -i a
  await mon 30 ceph --connect-timeout 5 fsid
}

start_osd() {
  if [ ! -e "$LAB/osd/made" ]; then
    local uuid
    uuid=$(cat /proc/sys/kernel/random/uuid)
    rm -rf "$LAB/osd/0"
    mkdir "$LAB/osd/0"
    ceph osd new "$uuid" 0 >/dev/null 2>>"$LAB/log/osd.out"
    ceph-osd --mkfs -i 0 --osd-uuid "$uuid" >>"$LAB/log/osd.out" 2>&1
    touch "$LAB/osd/made"
  fi
  spawn osd ceph-osd -f -i 0
  await osd 30 osd_is_up
}

# make_user NAME PREFIX: makes a user, prints its credentials as PREFIX_ACCESS_KEY_ID and PREFIX_SECRET_ACCESS_KEY
make_user() {
  local access secret
  access=LAB$(od -An -tx1 -N8 /dev/urandom | tr -d ' \n' | tr a-f A-F)
  secret=$(od -An -tx1 -N20 /dev/urandom | tr -d ' \n')
  radosgw-admin -n client.rgw user create --uid="$1" --display-name="$1" \
    --access-key="$access" --secret-key="$secret" >/dev/null 2>>"$LAB/log/rgw.out"
  echo "export $2_ACCESS_KEY_ID=$access"
  echo "export $2_SECRET_ACCESS_KEY=$secret"
}

make_users() {
  [ -s "$LAB/env" ] && return
  (
    umask 077
    {
      echo "export AWS_ENDPOINT_URL_S3=$ENDPOINT"
      echo "export AWS_REGION=us-east-1"
      echo "export S3_LAB_BUCKET=$BUCKET"
      make_user lab AWS
      make_user guest S3_LAB_GUEST
    } >"$LAB/env.new"
  )
  mv "$LAB/env.new" "$LAB/env"
}

up() {
  install_packages
  mkdir -p "$LAB"/{etc,log,run,mon,osd}
  write_configuration
  start_monitor
  start_osd
  make_users
  spawn rgw radosgw -f -n client.rgw
  await rgw 60 curl -s -o /dev/null --max-time 2 "$ENDPOINT/"
  (. "$LAB/env" && PATH=$HERE/../../node_modules/.bin:$PATH node "$HERE/make-bucket.ts" "$BUCKET")
  echo "S3 answers at $ENDPOINT, bucket $BUCKET: eval \"\$(bash test/s3-lab/lab.sh env)\""
}

down() {
  local name pid
  for name in rgw osd mon; do
    if alive "$name"; then
      read -r pid _ <"$LAB/run/$name.pid"
      kill -TERM "$pid"
      for _ in $(seq 100); do alive "$name" || break; sleep 0.1; done
      if alive "$name"; then kill -KILL "$pid"; fi
    fi
    rm -f "$LAB/run/$name.pid"
  done
  if [ "${1:-}" = --wipe ]; then rm -rf "$LAB"/{etc,log,run,mon,osd,env}; fi
}

# One at a time: two that make the cluster together would spoil it.
alone() {
  mkdir -p "$LAB"
  exec 9>"$LAB/lock"
  flock -w 120 9 || die "another lab.sh holds $LAB/lock"
}

case ${1:-} in
  up) alone; up ;;
  down) alone; down "${2:-}" ;;
  env) [ -s "$LAB/env" ] || die "no lab in $LAB: npm run lab:s3 -- up"; cat "$LAB/env" ;;
  *) die "usage: lab.sh up | down [--wipe] | env" ;;
esac
