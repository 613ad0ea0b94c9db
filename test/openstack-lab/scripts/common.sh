# Names, ports and process handling of the lab. Sourced by lab.sh.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
export LAB=${LAB:-/var/lib/openstack-lab}
ETC=$LAB/etc RUN=$LAB/run LOG=$LAB/log STATE=$LAB/state

# Everything listens on the loopback address only, on the usual ports + LAB_PORTS.
IP=127.0.0.1 LAB_PORTS=${LAB_PORTS:-10000}
port() { echo $(($1 + LAB_PORTS)); }
export P_KEYSTONE=$(port 5000) P_GLANCE=$(port 9292) P_NOVA=$(port 8774) P_PLACEMENT=$(port 8778)
export P_NEUTRON=$(port 9696) P_CINDER=$(port 8776)
P_RABBIT=$(port 5673) P_RABBIT_DIST=$(port 15673) P_EPMD=$(port 4369)
MYSQL_SOCKET=$RUN/mysql.sock
LIBVIRT_URI="qemu+unix:///system?socket=$RUN/libvirt/libvirt-sock"

# In the order in which they start.
SERVICES="mariadb epmd rabbit keystone virtlogd libvirtd placement glance-api nova-conductor neutron-server nova-api nova-scheduler
 neutron-linuxbridge nova-compute cinder-api cinder-scheduler cinder-volume"

fail() {
  echo "openstack-lab: $*" >&2
  exit 1
}

# A run file holds "pid starttime"; the start time (field 22 of /proc/PID/stat) guards against a pid that was used again. A zombie is dead.
start_time() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'; }
alive() { # NAME
  local pid started
  [ -s "$RUN/$1.pid" ] || return 1
  read -r pid started < "$RUN/$1.pid"
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]
}

# Each service is its own session, so that its pid is also its process group. It does not inherit the lock of 'up' (9).
start() { # NAME COMMAND...
  local name=$1
  shift
  if alive "$name"; then return 0; fi
  stop "$name" 0
  setsid "$@" >> "$LOG/$name.out" 2>&1 < /dev/null 9>&- &
  local pid=$!
  sleep 0.2
  echo "$pid $(start_time "$pid")" > "$RUN/$name.pid"
  disown "$pid" 2>/dev/null || true
}

# Starts a service that listens. Whoever holds its port already would answer in its place.
start_on() { # PORT NAME COMMAND...
  local port=$1 name=$2
  shift 2
  if alive "$name"; then return 0; fi
  stop "$name" 0
  if accepts_connections "$port"; then fail "port $port of $name is taken by another program; other ports: LAB_PORTS=11000"; fi
  start "$name" "$@"
}

# Ends a service, and what a service that died has left of its group, which would keep its port.
stop() { # NAME SECONDS
  local name=$1 seconds=$2 pid started
  [ -s "$RUN/$name.pid" ] || return 0
  read -r pid started < "$RUN/$name.pid"
  if alive "$name"; then
    kill -TERM "$pid" 2>/dev/null || true
    eventually "$seconds" gone "$name" || kill -KILL "$pid" 2>/dev/null || true
  fi
  if ! eventually 1 group_gone "$pid"; then
    kill -TERM -- "-$pid" 2>/dev/null || true
    eventually 2 group_gone "$pid" || kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$RUN/$name.pid"
}
gone() { ! alive "$1"; }
# A group's id is not given to a new process while the group has members: one whose leader is alive again is somebody else's.
group_gone() { ! kill -0 -- "-$1" 2>/dev/null || [ -n "$(start_time "$1")" ]; }

eventually() { # SECONDS COMMAND...
  local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
  shift
  until "$@"; do
    [ "${EPOCHREALTIME/[.,]/}" -lt $deadline ] || return 1
    sleep 0.2
  done
}

# Waits until a service is usable; if it dies or is too slow, its last words are shown.
ready() { # NAME SECONDS COMMAND...
  local name=$1 seconds=$2
  shift 2
  eventually "$seconds" usable_or_dead "$name" "$@" && "$@" && return 0
  alive "$name" && echo "!! $name is not ready after $seconds s" || echo "!! $name died"
  tail -n 20 "$LOG/$name.out" "$LOG/$name.log" 2>/dev/null
  exit 1
}
usable_or_dead() {
  local name=$1
  shift
  "$@" || gone "$name"
}
answers_http() { curl -s -o /dev/null --max-time 5 "$1"; }
accepts_connections() { (exec 3<> "/dev/tcp/$IP/$1") 2>/dev/null; }
sql() { mariadb --no-defaults -uroot -S"$MYSQL_SOCKET" "$@"; }

service_table() {
  local name down=0
  for name in $SERVICES; do
    if alive "$name"; then echo "up    $name"; else echo "DOWN  $name"; down=1; fi
  done
  return $down
}

phase_started=${EPOCHREALTIME/[.,]/} lab_started=$phase_started
seconds_since() { awk -v a="$1" -v b="${EPOCHREALTIME/[.,]/}" 'BEGIN { printf "%6.1f s", (b - a) / 1e6 }'; }
phase() { # NAME: prints how long it took since the previous phase
  printf '%-44s %s\n' "$1" "$(seconds_since "$phase_started")"
  phase_started=${EPOCHREALTIME/[.,]/}
}
total() { printf '%-44s %s\n' total "$(seconds_since "$lab_started")"; }
