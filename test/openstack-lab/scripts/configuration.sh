# Writes every configuration file of the lab under $ETC. Sourced by up.sh; repeating it changes nothing that runs.
auth_url=http://$IP:$P_KEYSTONE
rabbit_url=rabbit://guest:guest@$IP:$P_RABBIT/
connection_pool=$'max_pool_size = 10\nmax_overflow = 20'

write_secrets() {
  [ -s "$STATE/secrets" ] || (
    umask 077
    for name in DBPW SVCPW ADMINPW USERPW; do
      echo "$name=$(head -c 18 /dev/urandom | base64 | tr -d '+/=')"
    done > "$STATE/secrets"
  )
  . "$STATE/secrets"
}

database() { echo "mysql+pymysql://lab:$DBPW@localhost/$1?unix_socket=$MYSQL_SOCKET&charset=utf8"; }

# How a service logs in to call others, and how it asks Keystone about the tokens of its own callers.
service_user() {
  cat <<E
auth_url = $auth_url
auth_type = password
project_domain_name = Default
user_domain_name = Default
project_name = service
username = $1
password = $SVCPW
region_name = RegionOne
E
}
authtoken() {
  cat <<E
[keystone_authtoken]
www_authenticate_uri = $auth_url
service_token_roles = service
service_token_roles_required = true
$(service_user "$1")
E
}

write_configuration() {
  mkdir -p "$ETC"/{keystone,glance,placement,nova/policy.d,neutron,cinder,libvirt/qemu,libvirt/nwfilter,libvirt/hooks,rabbit}
  mkdir -p "$LAB"/{lib/libvirt,glance/images,glance/staging,glance/tasks,nova/instances,nova/mnt,neutron,cinder/mnt,cinder/conversion,rabbit}
  mkdir -p "$RUN"/{libvirt,lock}
  write_keystone
  write_glance
  write_placement
  write_nova
  write_neutron
  write_cinder
  write_libvirt
  write_rabbit
}

write_keystone() {
  cat > "$ETC/keystone/keystone.conf" <<E
[DEFAULT]
log_file = $LOG/keystone.log
[database]
connection = $(database keystone)
$connection_pool
[token]
provider = fernet
expiration = 14400
[fernet_tokens]
key_repository = $STATE/fernet-keys
[fernet_receipts]
key_repository = $STATE/fernet-keys
[credential]
key_repository = $STATE/credential-keys
[oslo_middleware]
enable_proxy_headers_parsing = false
E
}

write_glance() {
  # Quotas need the id of Glance's own endpoint, which exists once the identities do: this file is written again then.
  local endpoint
  endpoint=$(cat "$STATE/glance-endpoint-id" 2>/dev/null || true)
  cat > "$ETC/glance/glance-api.conf" <<E
[DEFAULT]
bind_host = $IP
bind_port = $P_GLANCE
workers = 1
log_file = $LOG/glance-api.log
transport_url = $rabbit_url
enabled_backends = file:file
enabled_import_methods = [glance-direct,web-download,copy-image]
use_keystone_limits = $([ -n "$endpoint" ] && echo true || echo false)
node_staging_uri = file://$LAB/glance/staging
worker_self_reference_url = http://$IP:$P_GLANCE
show_image_direct_url = false
[oslo_messaging_notifications]
driver = noop
[database]
connection = $(database glance)
$connection_pool
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = $LAB/glance/images
[os_glance_staging_store]
filesystem_store_datadir = $LAB/glance/staging
[os_glance_tasks_store]
filesystem_store_datadir = $LAB/glance/tasks
[import_filtering_opts]
# Loopback addresses are refused unless allowed_hosts names them, and then it is the whole list. The third port is the S3 lab's.
# Lists with bounds need the brackets: without them POST /v2/images answers 500.
allowed_hosts = [127.0.0.1]
allowed_ports = [80,443,${S3_LAB_PORT:-18080}]
[paste_deploy]
flavor = keystone
config_file = /etc/glance/glance-api-paste.ini
[oslo_limit]
auth_url = $auth_url
auth_type = password
user_domain_name = Default
username = glance
password = $SVCPW
system_scope = all
endpoint_id = ${endpoint:-none}
$(authtoken glance)
E
}

write_placement() {
  cat > "$ETC/placement/placement.conf" <<E
[DEFAULT]
log_file = $LOG/placement.log
[api]
auth_strategy = keystone
[placement_database]
connection = $(database placement)
$connection_pool
$(authtoken placement)
E
}

write_nova() {
  cat > "$ETC/nova/nova.conf" <<E
[DEFAULT]
my_ip = $IP
host = lab1
state_path = $LAB/nova
instances_path = $LAB/nova/instances
transport_url = $rabbit_url
enabled_apis = osapi_compute
osapi_compute_listen = $IP
osapi_compute_listen_port = $P_NOVA
osapi_compute_workers = 1
compute_driver = libvirt.LibvirtDriver
reserved_host_memory_mb = 0
reserved_host_disk_mb = 0
cpu_allocation_ratio = 16
ram_allocation_ratio = 1.5
disk_allocation_ratio = 4
shutdown_timeout = 3
resume_guests_state_on_host_boot = true
allow_resize_to_same_host = true
vif_plugging_timeout = 30
vif_plugging_is_fatal = true
rpc_response_timeout = 60
update_resources_interval = 60
max_concurrent_snapshots = 2
force_config_drive = false
flat_injected = false
[api]
auth_strategy = keystone
[api_database]
connection = $(database nova_api)
$connection_pool
[database]
connection = $(database nova)
$connection_pool
$(authtoken nova)
[service_user]
send_service_user_token = true
$(service_user nova)
[placement]
$(service_user placement)
[neutron]
$(service_user neutron)
[cinder]
catalog_info = volumev3::internalURL
os_region_name = RegionOne
$(service_user cinder)
[glance]
valid_interfaces = internal
region_name = RegionOne
num_retries = 1
[barbican]
auth_endpoint = $auth_url/v3
[key_manager]
backend = nova.keymgr.conf_key_mgr.ConfKeyManager
[vnc]
enabled = false
[spice]
enabled = false
[serial_console]
enabled = false
[scheduler]
workers = 1
discover_hosts_in_cells_interval = 30
[conductor]
workers = 1
[libvirt]
virt_type = qemu
cpu_mode = none
connection_uri = $LIBVIRT_URI
images_type = default
live_migration_uri =
nfs_mount_point_base = $LAB/nova/mnt
volume_use_multipath = false
[os_vif_linux_bridge]
use_ipv6 = false
[oslo_concurrency]
lock_path = $RUN/lock
[oslo_messaging_notifications]
driver = noop
[oslo_policy]
policy_dirs = $ETC/nova/policy.d
[privsep]
helper_command = /usr/bin/privsep-helper --config-file $ETC/nova/nova.conf
[nova_sys_admin]
helper_command = /usr/bin/privsep-helper --config-file $ETC/nova/nova.conf
[vif_plug_linux_bridge_privileged]
helper_command = /usr/bin/privsep-helper --config-file $ETC/nova/nova.conf
[vif_plug_ovs_privileged]
helper_command = /usr/bin/privsep-helper --config-file $ETC/nova/nova.conf
[privsep_osbrick]
helper_command = /usr/bin/privsep-helper --config-file $ETC/nova/nova.conf
E
}

write_neutron() {
  cat > "$ETC/neutron/neutron.conf" <<E
[DEFAULT]
bind_host = $IP
bind_port = $P_NEUTRON
host = lab1
core_plugin = ml2
service_plugins =
transport_url = $rabbit_url
api_workers = 0
rpc_workers = 0
rpc_state_report_workers = 0
state_path = $LAB/neutron
log_dir = $LOG
api_paste_config = /etc/neutron/api-paste.ini
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = true
[experimental]
linuxbridge = true
[agent]
root_helper =
report_interval = 20
[database]
connection = $(database neutron)
$connection_pool
$(authtoken neutron)
[nova]
$(service_user nova)
[placement]
$(service_user placement)
[oslo_concurrency]
lock_path = $RUN/lock
[oslo_messaging_notifications]
driver = noop
[ml2]
type_drivers = local,flat
tenant_network_types = local
mechanism_drivers = linuxbridge
extension_drivers = port_security
[linux_bridge]
[vxlan]
enable_vxlan = false
[securitygroup]
enable_security_group = true
firewall_driver = noop
[privsep]
helper_command = /usr/bin/privsep-helper --config-file $ETC/neutron/neutron.conf
E
}

write_cinder() {
  cat > "$ETC/cinder/cinder.conf" <<E
[DEFAULT]
my_ip = $IP
host = lab1
state_path = $LAB/cinder
log_dir = $LOG
transport_url = $rabbit_url
auth_strategy = keystone
osapi_volume_listen = $IP
osapi_volume_listen_port = $P_CINDER
osapi_volume_workers = 1
api_paste_config = /etc/cinder/api-paste.ini
resource_query_filters_file = /etc/cinder/resource_filters.json
enabled_backends = nfs1
default_volume_type = __DEFAULT__
glance_api_servers = http://$IP:$P_GLANCE
rootwrap_config = /etc/cinder/rootwrap.conf
image_conversion_dir = $LAB/cinder/conversion
backend_availability_zone = nova
[nfs1]
volume_driver = cinder.volume.drivers.nfs.NfsDriver
volume_backend_name = nfs1
nfs_shares_config = $ETC/cinder/nfs_shares
nfs_mount_point_base = $LAB/cinder/mnt
nfs_mount_attempts = 1
nfs_sparsed_volumes = true
nfs_qcow2_volumes = false
nfs_snapshot_support = true
nas_secure_file_operations = false
nas_secure_file_permissions = false
[database]
connection = $(database cinder)
$connection_pool
$(authtoken cinder)
[service_user]
send_service_user_token = true
$(service_user cinder)
[nova]
interface = internal
$(service_user nova)
[oslo_concurrency]
lock_path = $RUN/lock
[oslo_messaging_notifications]
driver = noop
[key_manager]
backend = cinder.keymgr.conf_key_mgr.ConfKeyManager
[privsep]
helper_command = /usr/bin/privsep-helper --config-file $ETC/cinder/cinder.conf
[privsep_osbrick]
helper_command = /usr/bin/privsep-helper --config-file $ETC/cinder/cinder.conf
[cinder_sys_admin]
helper_command = /usr/bin/privsep-helper --config-file $ETC/cinder/cinder.conf
E
  echo "127.0.0.1:/lab" > "$ETC/cinder/nfs_shares"
}

# libvirtd and virtlogd see this directory as /etc/libvirt, in a mount namespace of their own: the machine's stays as it is.
write_libvirt() {
  cat > "$ETC/libvirt/libvirtd.conf" <<E
listen_tls = 0
listen_tcp = 0
unix_sock_group = "root"
unix_sock_ro_perms = "0700"
unix_sock_rw_perms = "0700"
unix_sock_admin_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "2:file:$LOG/libvirtd.log"
host_uuid = "11e0d3e1-0000-4000-8000-0000000001ab"
E
  cat > "$ETC/libvirt/qemu.conf" <<E
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "logd"
vnc_listen = "127.0.0.1"
E
  cat > "$ETC/libvirt/virtlogd.conf" <<E
log_outputs = "2:file:$LOG/virtlogd.log"
E
}

write_rabbit() {
  cat > "$ETC/rabbit/rabbitmq.conf" <<E
listeners.tcp.1 = $IP:$P_RABBIT
loopback_users.guest = true
vm_memory_high_watermark.relative = 0.2
disk_free_limit.absolute = 50MB
log.console = true
log.console.level = warning
E
  : > "$ETC/rabbit/env.conf"
}
