# Stops everything that `lab.sh up` started, by recorded pid. Sourced by lab.sh; the data stays.
stop_all() { # SECONDS NAME...
  local seconds=$1 name
  shift
  for name; do stop "$name" "$seconds" & done
  wait
}

stop_all 30 nova-compute neutron-linuxbridge cinder-volume cinder-scheduler cinder-api nova-scheduler nova-api neutron-server
phase "compute, agent, APIs"

# Guests are processes of their own: libvirtd ends them, and what it left is found by its own pid files, and only if it is qemu.
if alive libvirtd; then
  for domain in $(timeout 20 virsh -c "$LIBVIRT_URI" list --name 2>/dev/null); do
    timeout 60 virsh -c "$LIBVIRT_URI" destroy "$domain" > /dev/null 2>&1 || true
  done
fi
for file in "$RUN"/libvirt/qemu/*.pid; do
  [ -s "$file" ] || continue
  pid=$(cat "$file")
  case "$(readlink "/proc/$pid/exe" 2>/dev/null)" in *qemu-system*) kill -TERM "$pid" 2>/dev/null || true ;; esac
done
phase "guests"

stop_all 20 libvirtd virtlogd nova-conductor glance-api placement keystone
phase "libvirt, Glance, Placement, Keystone"
stop_all 40 rabbit epmd mariadb
phase "RabbitMQ, MariaDB"

is_mounted() { awk '{ print $5 }' /proc/self/mountinfo | grep -qxF "$1"; }
for point in "$LAB"/nova/mnt/* "$LAB/nova/mnt" "$LAB"/cinder/mnt/*; do
  while is_mounted "$point"; do umount "$point" || break; done
done
# Bridges that the network agent made for the lab's own networks.
for bridge in $(ls /sys/class/net | grep -E '^brq[0-9a-f]{8}-' || true); do
  if grep -qsx "${bridge#brq}" "$STATE/network-ids"; then ip link del "$bridge" 2>/dev/null || true; fi
done
total
