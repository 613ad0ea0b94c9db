import type { DemoCloud } from '../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import { mebibytes, userData } from './user-data.ts';

/** The demo's stage: a small cloud in which two servers were booted from one image and have been written to since. */
export interface Scene {
  cloud: DemoCloud;
  servers: { id: string; name: string }[];
}

/** Where a server's users wrote at first. */
const FIRST_DATA_OFFSET = mebibytes(256);
const FIRST_DATA_BYTES = mebibytes(24);
/** Where and how much they write between the two backups: 24 changes of 64 KiB. */
const CHANGES = 24;
const CHANGE_BYTES = 64 * 1024;
const CHANGE_STRIDE = mebibytes(1);

export async function setScene(): Promise<Scene> {
  const cloud = await startDemoCloud({
    durations: { snapshotMs: 800, buildMs: 500, deleteMs: 200 },
  });
  const networkId = cloud.addNetwork({ name: 'office' });
  cloud.addSubnet({ networkId, cidr: '10.20.0.0/24' });
  const flavorId = cloud.addFlavor({ name: 'm1.demo', vcpus: 1, ramMib: 512, diskGib: 1 });
  cloud.addKeypair({ name: 'operator' });
  const imageId = await cloud.addImage({
    name: 'debian-12',
    content: userData('operating system', mebibytes(64)),
    diskFormat: 'raw',
    minDiskGib: 1,
    properties: { hw_disk_bus: 'virtio', os_distro: 'debian' },
  });
  const servers = [];
  for (const [number, name] of ['web-1', 'db-1'].entries()) {
    const id = await cloud.addServer({
      name,
      imageId,
      flavorId,
      networks: [{ networkId, fixedIp: `10.20.0.${String(10 + number)}` }],
      keyName: 'operator',
      tags: ['nightly'],
      metadata: { role: name.replace(/-.*/, '') },
    });
    await cloud.writeGuest(id, FIRST_DATA_OFFSET, userData(name, FIRST_DATA_BYTES));
    servers.push({ id, name });
  }
  return { cloud, servers };
}

/** The users change a few per cent of what they wrote. Returns how many bytes. */
export async function changeData({ cloud, servers }: Scene): Promise<number> {
  for (const { id, name } of servers) {
    for (let change = 0; change < CHANGES; change += 1) {
      const bytes = userData(`${name} change ${String(change)}`, CHANGE_BYTES);
      await cloud.writeGuest(id, FIRST_DATA_OFFSET + change * CHANGE_STRIDE, bytes);
    }
  }
  return servers.length * CHANGES * CHANGE_BYTES;
}
