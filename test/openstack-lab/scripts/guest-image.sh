#!/usr/bin/env bash
# Builds the guest's image, unless it is there as these scripts make it: MBR, FAT, syslinux, Debian's cloud kernel and an initramfs of
# busybox and guest-init. 64 MiB, qcow2.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$LAB/image out=$LAB/image/lab-guest.qcow2
digest=$(cat "$here/guest-init" "$here/guest-image.sh" | sha256sum | cut -c 1-32)
[ ! -s "$out" ] || [ "$(cat "$work/digest" 2> /dev/null)" != "$digest" ] || exit 0
rm -rf "$work"
mkdir -p "$work/root"/{bin,lib,proc,sys,dev} "$work/kernel"
cd "$work"

# The kernel comes out of its package, which is not installed.
package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
if [ -z "$package" ] || ! apt-get -q download "$package"; then
  apt-get -q update
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
  apt-get -q download "$package"
fi
dpkg-deb -x "$package"_*.deb kernel
version=$(ls kernel/lib/modules)
cp "kernel/boot/vmlinuz-$version" vmlinuz

cp /bin/busybox root/bin/busybox
install -m 755 "$here/guest-init" root/init
: > root/lib/order
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk; do
  file=$(find "kernel/lib/modules/$version/kernel" -name "$module.ko" -print -quit)
  [ -n "$file" ] || continue # built into this kernel
  cp "$file" root/lib/
  echo "$module.ko" >> root/lib/order
done
(cd root && find . | cpio --quiet -o -H newc | gzip -9) > initrd.gz

cat > syslinux.cfg <<'S'
DEFAULT lab
PROMPT 0
SERIAL 0 115200
LABEL lab
 KERNEL vmlinuz
 INITRD initrd.gz
 APPEND console=ttyS0 quiet loglevel=4 panic=5 tsc=unstable random.trust_cpu=off mitigations=off
S
truncate -s 32M fat.img
mkfs.vfat -F 16 -n LAB fat.img > /dev/null
mcopy -i fat.img vmlinuz initrd.gz syslinux.cfg ::
syslinux --install fat.img
truncate -s 64M disk.raw
printf 'label: dos\nstart=2048, size=65536, type=e, bootable\n' | sfdisk -q disk.raw
dd if=fat.img of=disk.raw bs=1M seek=1 conv=notrunc status=none
dd if=/usr/lib/syslinux/mbr/mbr.bin of=disk.raw bs=440 count=1 conv=notrunc status=none
qemu-img convert -c -O qcow2 disk.raw building.qcow2
mv building.qcow2 "$out"
echo "$digest" > digest
rm -rf kernel root fat.img disk.raw vmlinuz initrd.gz syslinux.cfg ./*.deb
