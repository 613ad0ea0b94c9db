import type { Fields } from './fields.ts';
import type { CallOptions, Flavor, Flavors, KeyPair, KeyPairs } from './open-stack.ts';
import { allPages, nextLink } from './paging.ts';
import type { Service } from './service.ts';

/** Flavors of Nova. */
export class NovaFlavors implements Flavors {
  readonly #nova: Service;

  constructor(nova: Service) {
    this.#nova = nova;
  }

  async list({ signal }: CallOptions = {}): Promise<readonly Flavor[]> {
    const flavors: Flavor[] = [];
    const pages = allPages(async (marker) => {
      const answer = await this.#nova.call({
        method: 'GET',
        path: '/flavors/detail',
        query: marker === undefined ? [] : [['marker', marker]],
        attempt: 'list flavors',
        signal,
      });
      const body = answer.fields();
      return {
        items: body.requiredChildren('flavors').map(flavorOf),
        next: nextLink(body, 'flavors_links'),
      };
    });
    for await (const flavor of pages) flavors.push(flavor);
    return flavors;
  }

  async show(flavorId: string, { signal }: CallOptions = {}): Promise<Flavor | undefined> {
    const answer = await this.#nova.call({
      method: 'GET',
      path: `/flavors/${encodeURIComponent(flavorId)}`,
      attempt: `show flavor ${flavorId}`,
      accepted: [404],
      signal,
    });
    return answer.status === 404 ? undefined : flavorOf(answer.fields().child('flavor'));
  }
}

/** Key pairs of Nova. */
export class NovaKeyPairs implements KeyPairs {
  readonly #nova: Service;

  constructor(nova: Service) {
    this.#nova = nova;
  }

  async show(name: string, { signal }: CallOptions = {}): Promise<KeyPair | undefined> {
    const answer = await this.#nova.call({
      method: 'GET',
      path: `/os-keypairs/${encodeURIComponent(name)}`,
      attempt: `show key pair "${name}"`,
      accepted: [404],
      signal,
    });
    if (answer.status === 404) return undefined;
    const keypair = answer.fields().child('keypair');
    return {
      name: keypair.required('name'),
      fingerprint: keypair.text('fingerprint'),
      publicKey: keypair.text('public_key'),
    };
  }

  async names({ signal }: CallOptions = {}): Promise<readonly string[]> {
    const answer = await this.#nova.call({
      method: 'GET',
      path: '/os-keypairs',
      attempt: 'list key pairs',
      signal,
    });
    const keypairs = answer.fields().requiredChildren('keypairs');
    return keypairs.map((one) => one.child('keypair').required('name'));
  }
}

function flavorOf(record: Fields): Flavor {
  return {
    id: record.required('id'),
    name: record.text('name') ?? '',
    vcpus: record.number('vcpus') ?? 0,
    ramMiB: record.number('ram') ?? 0,
    diskGiB: record.number('disk') ?? 0,
    ephemeralGiB: record.number('OS-FLV-EXT-DATA:ephemeral') ?? 0,
    // No swap is "" below 2.75.
    swapMiB: record.number('swap') ?? 0,
    disabled: record.flag('OS-FLV-DISABLED:disabled') ?? false,
    extraSpecs: record.has('extra_specs') ? record.textsByKey('extra_specs') : null,
  };
}
