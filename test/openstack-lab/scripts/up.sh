# The steps of `lab.sh up`, each of which does only what is still missing. Sourced by lab.sh.
. "$scripts/configuration.sh"
. "$scripts/schemas.sh"
. "$scripts/services.sh"

chmod 700 "$LAB"
# The addresses of package mirrors can hold credentials: they are kept out of what is written and shown.
logged() { # NAME COMMAND...
  local name=$1
  shift
  "$@" 2>&1 9>&- | sed -uE 's#https?://[^ ]+#(address)#g' > "$LOG/$name.log" || { tail -n 20 "$LOG/$name.log"; fail "$name failed"; }
}

logged install bash "$scripts/install.sh"
phase "packages"
logged guest-image bash "$scripts/guest-image.sh"
phase "guest image"
write_secrets
write_configuration
install -D -m 755 "$scripts/nfs-mount" "$LAB/bin/shim/mount"
phase "configuration"
start_database
start_queue
phase "MariaDB, RabbitMQ"
create_schemas
phase "database schemas"
start_keystone
once identity "$scripts/bootstrap.py" identity
write_glance
phase "Keystone, users, catalogue, quotas"
mount_volume_share
start_libvirt
start_apis
phase "libvirt, Placement, Glance, Nova, Neutron"
start_compute
start_cinder
wait_for_compute
phase "compute host, network agent, Cinder"
"$scripts/bootstrap.py" credentials cloud
phase "application credential, flavors, image, network"
once proven "$scripts/bootstrap.py" proof
phase "a first server"
total
service_table > "$LOG/services.txt" || { grep DOWN "$LOG/services.txt"; fail "not all services run"; }
echo "the lab is up; credentials: eval \"\$(bash test/openstack-lab/lab.sh env)\""
