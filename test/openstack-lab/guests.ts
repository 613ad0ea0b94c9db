import type { NewServer, Server } from '../../lib/openstack/server.ts';
import { eventually } from './eventually.ts';
import type { GuestMark, GuestReport } from './guest-report.ts';
import { parseGuestReport } from './guest-report.ts';
import type { Lab } from './lab.ts';

/** The smallest flavor on which the guest boots. */
const guestFlavorId = '102';

/** The project's own network: only on such a one may it choose addresses. */
export const ownNetwork = 'lab-own-net';
/** Another project's, shared with all. */
export const sharedNetwork = 'lab-net';

/** A server that runs the lab's guest image, and what its boots have written so far. */
export interface Guest {
  id: string;
  name: string;
  marks: GuestMark[];
}

/** Servers of one test file, which all go away with `deleteAll`. */
export class Guests {
  readonly #lab: Lab;
  readonly #serverIds = new Set<string>();
  readonly #imageIds = new Set<string>();
  /** Servers that a backup may have left a snapshot of, if a test failed. */
  readonly #snapshotted = new Set<string>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** A new server that has booted once and written its first mark. */
  async boot(name: string, extra: Partial<NewServer> = {}): Promise<Guest> {
    const serverId = await this.create(name, extra);
    const { wrote } = await this.report(serverId);
    return { id: serverId, name, marks: [wrote] };
  }

  /** A new server as soon as Nova knows it. */
  async create(name: string, extra: Partial<NewServer> = {}): Promise<string> {
    const { serverId } = await this.#lab.openstack.servers.create({
      name,
      imageId: extra.imageId ?? (await this.bootImageId()),
      flavorId: guestFlavorId,
      networks: 'none',
      ...extra,
    });
    this.#serverIds.add(serverId);
    this.#snapshotted.add(serverId);
    return serverId;
  }

  async networkId(name: string): Promise<string> {
    const networks = await this.#lab.openstack.network.networks();
    const network = networks.find((candidate) => candidate.name === name);
    if (network === undefined) throw new Error(`The lab has no network ${name}.`);
    return network.id;
  }

  /** The first address of a server on a network. */
  async address(serverId: string, network: string): Promise<string | undefined> {
    const { addresses } = await this.#lab.openstack.servers.show(serverId);
    return addresses[network]?.[0]?.address;
  }

  async bootImageId(): Promise<string> {
    const filter = { name: 'lab-guest', status: 'active' };
    for await (const image of this.#lab.openstack.images.list(filter)) return image.id;
    throw new Error('The lab has no image lab-guest.');
  }

  /** What the server's guest says once it has booted, at least `boots` times on this disk. */
  async report(serverId: string, boots = 1): Promise<GuestReport> {
    await this.waitFor(serverId, 'ACTIVE');
    let console = '';
    try {
      return await eventually(`guest of server ${serverId} ready`, 180, async () => {
        console = await this.#lab.openstack.servers.consoleOutput(serverId);
        const report = parseGuestReport(console);
        return report !== undefined && report.wrote.boot >= boots - 1 ? report : undefined;
      });
    } catch (error) {
      throw new Error(`The guest does not get ready. Its console:\n${console}`, { cause: error });
    }
  }

  /** Lets the guest boot, and thereby write, once more. */
  async restart(guest: Guest): Promise<void> {
    await this.stop(guest);
    await this.#lab.openstack.servers.start(guest.id);
    const { wrote } = await this.report(guest.id, guest.marks.length + 1);
    guest.marks.push(wrote);
  }

  async stop({ id }: Guest): Promise<void> {
    await this.#lab.openstack.servers.stop(id);
    await this.waitFor(id, 'SHUTOFF');
  }

  async waitFor(serverId: string, status: string): Promise<Server> {
    return await eventually(`server ${serverId} ${status}`, 120, async () => {
      const server = await this.#lab.openstack.servers.show(serverId);
      if (server.status === 'ERROR') throw new Error(`${serverId}: ${server.fault?.message}`);
      return server.status === status && server.taskState === null ? server : undefined;
    });
  }

  async delete(serverId: string): Promise<void> {
    const { servers } = this.#lab.openstack;
    await servers.delete(serverId);
    await eventually(`server ${serverId} gone`, 60, async () => {
      for await (const server of servers.list({ ids: [serverId] })) if (server) return undefined;
      return true;
    });
    this.#serverIds.delete(serverId);
  }

  /** Takes over what a restore has made, so that `deleteAll` removes it. */
  adopt(made: { imageId: string | null; serverId: string | null }): void {
    if (made.imageId !== null) this.#imageIds.add(made.imageId);
    if (made.serverId !== null) this.#serverIds.add(made.serverId);
  }

  async deleteAll(except: readonly string[] = []): Promise<void> {
    const going = [...this.#serverIds].filter((id) => !except.includes(id));
    await Promise.all(going.map((id) => this.delete(id)));
    for (const id of this.#imageIds) await this.#lab.openstack.images.delete(id);
    this.#imageIds.clear();
  }

  /** For the end of a failed test: what it was to prove is that there is nothing to delete here. */
  async deleteSnapshots(): Promise<void> {
    const { images } = this.#lab.openstack;
    for (const id of this.#snapshotted) {
      const filter = { properties: { instance_uuid: id, image_type: 'snapshot' } };
      for await (const image of images.list(filter)) await images.delete(image.id);
    }
  }
}
