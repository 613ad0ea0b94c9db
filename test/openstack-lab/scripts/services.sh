# Starts the services. Sourced by up.sh.
start_database() {
  if [ ! -d "$LAB/mysql/mysql" ]; then
    rm -rf "$LAB/mysql"
    mariadb-install-db --no-defaults --datadir="$LAB/mysql" --user=root --auth-root-authentication-method=normal --skip-test-db \
      > "$LOG/mariadb-install.log" 2>&1 9>&-
  fi
  # Durability is cheap on purpose: a lab that lost its power is built again.
  start mariadb mariadbd --no-defaults --user=root --datadir="$LAB/mysql" --socket="$MYSQL_SOCKET" --pid-file="$RUN/mysqld.pid" \
    --skip-networking --skip-name-resolve --innodb-buffer-pool-size=96M --innodb-log-file-size=32M --innodb-flush-log-at-trx-commit=0 \
    --innodb-doublewrite=0 --skip-log-bin --performance-schema=0 --max-connections=300 \
    --character-set-server=utf8mb3 --collation-server=utf8mb3_general_ci --tmpdir=/tmp
  ready mariadb 60 sql_answers
  {
    for name in keystone glance placement nova_api nova nova_cell0 neutron cinder; do echo "create database if not exists $name;"; done
    echo "create user if not exists lab@localhost identified by '$DBPW'; grant all on *.* to lab@localhost;"
  } | sql
}
sql_answers() { sql -e 'select 1' > /dev/null 2>&1; }

# The wrapper in /usr/sbin insists on a user of its own; the server below it does not. Own epmd, own cookie, one scheduler.
start_queue() {
  start_on "$P_EPMD" epmd env ERL_EPMD_ADDRESS=$IP epmd -port "$P_EPMD" -address $IP
  start_on "$P_RABBIT" rabbit env HOME="$LAB/rabbit" ERL_EPMD_PORT="$P_EPMD" ERL_EPMD_ADDRESS=$IP RABBITMQ_NODENAME=lab@localhost \
    RABBITMQ_DIST_PORT="$P_RABBIT_DIST" RABBITMQ_MNESIA_BASE="$LAB/rabbit/mnesia" RABBITMQ_LOG_BASE="$LOG" RABBITMQ_LOGS=- \
    RABBITMQ_CONFIG_FILE="$ETC/rabbit/rabbitmq" RABBITMQ_CONF_ENV_FILE="$ETC/rabbit/env.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$ETC/rabbit/enabled_plugins" RABBITMQ_PID_FILE="$RUN/rabbitmq.beam.pid" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}" \
    /usr/lib/rabbitmq/bin/rabbitmq-server
  ready rabbit 90 accepts_connections "$P_RABBIT"
}

# uwsgi's http-socket closes a connection without saying so; the header spares clients that keep connections a reset.
uwsgi="uwsgi_python3 --master --die-on-term --need-app --lazy-apps --enable-threads --no-orphans --buffer-size 65535
 --post-buffering 65536 --disable-logging --add-header Connection:close"

start_keystone() {
  start_on "$P_KEYSTONE" keystone env OS_KEYSTONE_CONFIG_FILES="$ETC/keystone/keystone.conf" $uwsgi --http-socket "$IP:$P_KEYSTONE" \
    --processes 2 --threads 4 --wsgi-file /usr/bin/keystone-wsgi-public
  ready keystone 60 answers_http "$auth_url/v3"
}

# A file system of the lab's own stands in for an NFS server: Cinder's and Nova's NFS code leave a share alone that is mounted already.
# It must be another device than its parent, because os.path.ismount() does not see a bind mount within one file system.
mount_volume_share() {
  local share image=$LAB/cinder/share.img size=${LAB_VOLUMES_SIZE:-8G}
  share=$LAB/cinder/mnt/$(printf %s "127.0.0.1:/lab" | md5sum | cut -d' ' -f1)
  mkdir -p "$share"
  if [ ! -s "$image" ]; then
    truncate -s "$size" "$image"
    mkfs.ext4 -q -F -m 0 "$image"
  fi
  mountpoint -q "$share" || mount -o loop "$image" "$share" || mount -t tmpfs -o size="$size" lab-volumes "$share"
  # Nova mounts the share below this directory; shared propagation lets libvirtd's namespace see that.
  mountpoint -q "$LAB/nova/mnt" || { mount --bind "$LAB/nova/mnt" "$LAB/nova/mnt" && mount --make-shared "$LAB/nova/mnt"; }
}

start_libvirt() {
  mkdir -p /etc/libvirt /var/lib/libvirt /run/libvirt
  local own="mount --bind $ETC/libvirt /etc/libvirt && mount --bind $RUN/libvirt /run/libvirt && mount --bind $LAB/lib/libvirt /var/lib/libvirt"
  local name
  for name in virtlogd libvirtd; do
    start $name unshare -m --propagation slave sh -c "$own && exec $name --config $ETC/libvirt/$name.conf --pid-file $RUN/$name.own.pid"
  done
}

start_apis() {
  start_on "$P_PLACEMENT" placement env OS_PLACEMENT_CONFIG_DIR="$ETC/placement" $uwsgi --http-socket "$IP:$P_PLACEMENT" \
    --processes 1 --threads 4 --wsgi-file /usr/bin/placement-api
  start_on "$P_GLANCE" glance-api glance-api --config-file "$ETC/glance/glance-api.conf"
  start nova-conductor nova-conductor --config-file "$ETC/nova/nova.conf" --log-file "$LOG/nova-conductor.log"
  start_on "$P_NEUTRON" neutron-server neutron-server --config-file "$ETC/neutron/neutron.conf" --log-file "$LOG/neutron-server.log"
  start_on "$P_NOVA" nova-api nova-api --config-file "$ETC/nova/nova.conf" --log-file "$LOG/nova-api.log"
  start nova-scheduler nova-scheduler --config-file "$ETC/nova/nova.conf" --log-file "$LOG/nova-scheduler.log"
  ready placement 90 answers_http "http://$IP:$P_PLACEMENT/"
  ready glance-api 90 answers_http "http://$IP:$P_GLANCE/versions"
  ready nova-api 90 answers_http "http://$IP:$P_NOVA/"
  ready neutron-server 90 answers_http "http://$IP:$P_NEUTRON/"
}

start_compute() {
  start neutron-linuxbridge neutron-linuxbridge-agent --config-file "$ETC/neutron/neutron.conf" --log-file "$LOG/neutron-linuxbridge.log"
  ready libvirtd 30 libvirt_answers
  start nova-compute env PATH="$LAB/bin/shim:$PATH" nova-compute --config-file "$ETC/nova/nova.conf" --log-file "$LOG/nova-compute.log"
}
libvirt_answers() { virsh -c "$LIBVIRT_URI" list > /dev/null 2>&1; }

start_cinder() {
  start_on "$P_CINDER" cinder-api cinder-api --config-file "$ETC/cinder/cinder.conf" --log-file "$LOG/cinder-api.log"
  local name
  for name in cinder-scheduler cinder-volume; do
    start $name $name --config-file "$ETC/cinder/cinder.conf" --log-file "$LOG/$name.log"
  done
}

# The compute host takes servers once it and its network agent have reported since they were started, its inventory is in Placement, and
# its cell is mapped. What a database remembers from before a restart says nothing: Nova's scheduler passes over a host that was silent.
wait_for_compute() {
  ready nova-compute 90 compute_reports
  once nova-host nova-manage --config-file "$ETC/nova/nova.conf" cell_v2 discover_hosts
  ready neutron-linuxbridge 90 reports neutron-linuxbridge "select max(unix_timestamp(heartbeat_timestamp)) from neutron.agents"
  ready cinder-api 90 answers_http "http://$IP:$P_CINDER/"
  local name
  for name in cinder-scheduler cinder-volume; do
    ready $name 90 reports $name "select max(unix_timestamp(updated_at)) from cinder.services where \`binary\` = '$name' and deleted = 0"
  done
}
compute_reports() {
  reports nova-compute "select max(unix_timestamp(last_seen_up)) from nova.services where \`binary\` = 'nova-compute' and deleted = 0" &&
    [ "$(sql -N -e "select (select count(*) from nova.compute_nodes where deleted = 0) >= 1
      and (select count(*) from placement.inventories) >= 3" 2>/dev/null)" = 1 ]
}
# Whether the time that a query gives is later than the start of a service.
reports() { # NAME QUERY
  local seconds
  seconds=$(sql -N -e "set time_zone = '+00:00'; $2" 2>/dev/null) || return 1
  [ "${seconds%.*}" -gt "$(stat -c %Y "$RUN/$1.pid")" ] 2>/dev/null
}
