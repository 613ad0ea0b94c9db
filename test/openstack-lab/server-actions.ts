import { eventually } from './eventually.ts';
import type { Guests } from './guests.ts';
import type { Lab } from './lab.ts';
import { rest } from './rest.ts';

/** Brings a server into a state, as its user would, and waits for it. */
export async function bringTo(
  { lab, guests }: { lab: Lab; guests: Guests },
  serverId: string,
  action: 'pause' | 'suspend' | 'rescue' | 'resize' | 'shelve',
): Promise<void> {
  const [body, status] = STATES[action];
  await guests.waitFor(serverId, 'ACTIVE');
  await rest(lab, 'compute', 'POST', `/servers/${serverId}/action`, body);
  await guests.waitFor(serverId, status);
}

const STATES = {
  pause: [{ pause: null }, 'PAUSED'],
  suspend: [{ suspend: null }, 'SUSPENDED'],
  rescue: [{ rescue: {} }, 'RESCUE'],
  resize: [{ resize: { flavorRef: '101' } }, 'VERIFY_RESIZE'],
  shelve: [{ shelve: null }, 'SHELVED_OFFLOADED'],
} as const;

export async function lock(lab: Lab, serverId: string): Promise<void> {
  await rest(lab, 'compute', 'POST', `/servers/${serverId}/action`, { lock: {} });
}

export async function unlock(lab: Lab, serverId: string): Promise<void> {
  await rest(lab, 'compute', 'POST', `/servers/${serverId}/action`, { unlock: null });
}

/** A group of servers that must not share a host: where there is one host, its second server goes to ERROR. */
export async function createServerGroup(lab: Lab, name: string): Promise<string> {
  const group = { server_group: { name, policy: 'anti-affinity' } };
  const made = await rest<{ server_group: { id: string } }>(
    lab,
    'compute',
    'POST',
    '/os-server-groups',
    group,
  );
  return made.server_group.id;
}

export async function deleteServerGroup(lab: Lab, id: string): Promise<void> {
  await rest(lab, 'compute', 'DELETE', `/os-server-groups/${id}`);
}

/**
 * An image like the lab's guest of which nothing else is made; active. What follows the disk in its file is not on the disk, but Nova
 * has to fetch it: with 256 MiB a server is in BUILD for some seconds more.
 */
export async function copyOfGuestImage(
  { lab, guests }: { lab: Lab; guests: Guests },
  name: string,
  { paddingMiB = 0 } = {},
): Promise<string> {
  const { images } = lab.openstack;
  const source = await images.show(await guests.bootImageId());
  const { id } = await images.create({ name, diskFormat: source.diskFormat ?? '', minDiskGiB: 1 });
  guests.adopt({ imageId: id, serverId: null });
  await images.upload(id, padded(images.download(source.id), paddingMiB));
  return await eventually(`image ${id} active`, 60, async () =>
    (await images.show(id)).status === 'active' ? id : undefined,
  );
}

async function* padded(file: AsyncIterable<Uint8Array>, paddingMiB: number) {
  yield* file;
  const mebibyte = Buffer.alloc(1024 ** 2);
  for (let count = 0; count < paddingMiB; count += 1) yield mebibyte;
}
