# Creates the database schemas. Sourced by up.sh.
once() { # NAME COMMAND...: runs the command unless it has succeeded before
  local name=$1
  shift
  [ ! -e "$STATE/$name-done" ] || return 0
  "$@" >> "$LOG/$name.log" 2>&1 9>&- || {
    tail -n 20 "$LOG/$name.log"
    fail "$name failed"
  }
  touch "$STATE/$name-done"
}

create_schemas() {
  mkdir -p "$STATE"/{fernet,credential}-keys
  chmod 700 "$STATE"/{fernet,credential}-keys
  # Two at a time: each takes seconds, and two cores are what a test machine has.
  (keystone_schema && smaller_schemas) &
  local first=$!
  (nova_schema) &
  local second=$!
  wait $first
  wait $second
}

keystone_schema() {
  local manage="keystone-manage --config-file $ETC/keystone/keystone.conf"
  once keystone-schema $manage db_sync
  once fernet-keys $manage fernet_setup --keystone-user root --keystone-group root
  once credential-keys $manage credential_setup --keystone-user root --keystone-group root
  once keystone-bootstrap $manage bootstrap --bootstrap-password "$ADMINPW" --bootstrap-region-id RegionOne \
    --bootstrap-admin-url "$auth_url/v3" --bootstrap-internal-url "$auth_url/v3" --bootstrap-public-url "$auth_url/v3"
}

nova_schema() {
  local manage="nova-manage --config-file $ETC/nova/nova.conf"
  once nova-api-schema $manage api_db sync
  once nova-cell0 $manage cell_v2 map_cell0 --database_connection "$(database nova_cell0)"
  once nova-schema $manage db sync
  once nova-cell1 create_cell
}
# Unlike the others, this command fails where its work is done already.
create_cell() {
  local manage="nova-manage --config-file $ETC/nova/nova.conf" cells
  cells=$($manage cell_v2 list_cells)
  case "$cells" in *" cell1 "*) return 0 ;; esac
  $manage cell_v2 create_cell --name cell1 --database_connection "$(database nova)" --transport-url "$rabbit_url"
}

smaller_schemas() {
  once glance-schema glance-manage --config-file "$ETC/glance/glance-api.conf" db_sync
  once placement-schema placement-manage --config-file "$ETC/placement/placement.conf" db sync
  once neutron-schema neutron-db-manage --config-file "$ETC/neutron/neutron.conf" upgrade head
  once cinder-schema cinder-manage --config-file "$ETC/cinder/cinder.conf" db sync
}
