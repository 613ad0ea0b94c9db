#!/usr/bin/env bash
# Installs the Debian packages that the lab needs and that are missing. Starts no service.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true

# nova-compute-kvm is an empty package that stands in for nova-compute-qemu and saves the emulators of all other architectures.
packages="keystone glance-api placement-api nova-api nova-conductor nova-scheduler nova-compute nova-compute-kvm
 python3-libvirt qemu-system-x86 qemu-utils libvirt-daemon-system libvirt-clients rabbitmq-server mariadb-server
 neutron-server neutron-linuxbridge-agent cinder-api cinder-scheduler cinder-volume nfs-common
 uwsgi-core uwsgi-plugin-python3 python3-openstackclient python3-requests
 busybox-static syslinux syslinux-common mtools dosfstools fdisk e2fsprogs cpio curl iproute2 iptables procps"
installed=$(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' $packages 2>/dev/null | awk '$2 == "ii" { print $1 }' | sort -u || true)
missing=$(comm -23 <(printf '%s\n' $packages | sort -u) <(echo "$installed"))
[ -n "$missing" ] || exit 0
echo "to install:" $missing

# No package may start its service, configure its database or register its endpoint: the lab does all of that itself, elsewhere.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' > $policy
  chmod 755 $policy
fi
options="-y -q -o DPkg::Lock::Timeout=900 -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0"
apt-get $options update
apt-get $options --no-install-recommends install debconf
debconf-set-selections <<'S'
keystone keystone/configure_db boolean false
keystone keystone/register-endpoint boolean false
keystone keystone/create-admin-tenant boolean false
glance-common glance/configure_db boolean false
glance-api glance/register-endpoint boolean false
placement-common placement/configure_db boolean false
placement-api placement/register-endpoint boolean false
nova-common nova/configure_db boolean false
nova-api nova-api/configure_db boolean false
nova-api nova/register-endpoint boolean false
neutron-common neutron/configure_db boolean false
neutron-api neutron/register-endpoint boolean false
cinder-common cinder/configure_db boolean false
cinder-api cinder/register-endpoint boolean false
S
apt-get $options --no-install-recommends install $missing
