import { EndpointNotFound, VolumeNotFound } from './errors.ts';
import type { Fields } from './fields.ts';
import type { CallOptions, Volumes } from './open-stack.ts';
import { allPages, nextLink } from './paging.ts';
import { describe, type Refusal } from './refusal.ts';
import type { Service } from './service.ts';
import { volumeOf, volumeSnapshotOf } from './volume-shape.ts';
import type {
  MetadataFilter,
  NewVolume,
  NewVolumeSnapshot,
  Volume,
  VolumeQuota,
  VolumeSnapshot,
} from './volume.ts';

/** Volumes of Cinder, which a cloud need not have, and their snapshots. */
export class CinderVolumes implements Volumes {
  readonly #cinder: Service;

  constructor(cinder: Service) {
    this.#cinder = cinder;
  }

  async show(volumeId: string, { signal }: CallOptions = {}): Promise<Volume | undefined> {
    try {
      const answer = await this.#cinder.call({
        method: 'GET',
        path: volumePath(volumeId),
        attempt: `show volume ${volumeId}`,
        accepted: [404],
        signal,
      });
      return answer.status === 404 ? undefined : volumeOf(answer.fields().child('volume'));
    } catch (error) {
      if (error instanceof EndpointNotFound) return undefined;
      throw error;
    }
  }

  async *list(filter: MetadataFilter = {}, options: CallOptions = {}): AsyncGenerator<Volume> {
    yield* this.#list('volumes', volumeOf, filter, options);
  }

  async create(volume: NewVolume, { signal }: CallOptions = {}): Promise<Volume> {
    const { name, sizeGiB, description, type, availabilityZone, metadata, from } = volume;
    const answer = await this.#cinder.call({
      method: 'POST',
      path: '/volumes',
      json: {
        volume: {
          name,
          size: sizeGiB,
          ...(description === undefined ? {} : { description }),
          ...(type === undefined ? {} : { volume_type: type }),
          ...(availabilityZone === undefined ? {} : { availability_zone: availabilityZone }),
          ...(metadata === undefined ? {} : { metadata }),
          ...(from !== undefined && 'snapshotId' in from ? { snapshot_id: from.snapshotId } : {}),
          ...(from !== undefined && 'imageId' in from ? { imageRef: from.imageId } : {}),
        },
      },
      attempt: `create volume "${name}"`,
      signal,
    });
    return volumeOf(answer.fields().child('volume'));
  }

  async delete(volumeId: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#cinder.call({
      method: 'DELETE',
      path: volumePath(volumeId),
      attempt: `delete volume ${volumeId}`,
      accepted: [404],
      signal,
    });
  }

  async setImageMetadata(
    volumeId: string,
    metadata: Readonly<Record<string, string>>,
    options: CallOptions = {},
  ): Promise<void> {
    const action = { 'os-set_image_metadata': { metadata } };
    await this.#act(volumeId, 'set image metadata of', action, { ...options, idempotent: true });
  }

  async setBootable(volumeId: string, bootable: boolean, options: CallOptions = {}): Promise<void> {
    const action = { 'os-set_bootable': { bootable } };
    await this.#act(volumeId, 'set the bootable flag of', action, { ...options, idempotent: true });
  }

  async uploadToImage(
    volumeId: string,
    { name }: { name: string },
    options: CallOptions = {},
  ): Promise<string> {
    const answer = await this.#act(
      volumeId,
      'make an image of',
      {
        'os-volume_upload_image': {
          image_name: name,
          disk_format: 'raw',
          container_format: 'bare',
        },
      },
      options,
    );
    return answer.fields().child('os-volume_upload_image').required('image_id');
  }

  async *listSnapshots(
    filter: MetadataFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<VolumeSnapshot> {
    yield* this.#list('snapshots', volumeSnapshotOf, filter, options);
  }

  async createSnapshot(
    { volumeId, name, metadata }: NewVolumeSnapshot,
    { signal }: CallOptions = {},
  ): Promise<VolumeSnapshot> {
    const answer = await this.#cinder.call({
      method: 'POST',
      path: '/snapshots',
      // A volume in use is snapshotted only with force; to which newer microversions than the oldest say no.
      json: { snapshot: { volume_id: volumeId, name, force: true, metadata: metadata ?? {} } },
      attempt: `snapshot volume ${volumeId}`,
      refused: (refusal) => volumeNotFound(volumeId, refusal),
      signal,
    });
    return volumeSnapshotOf(answer.fields().child('snapshot'));
  }

  async deleteSnapshot(snapshotId: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#cinder.call({
      method: 'DELETE',
      path: `/snapshots/${encodeURIComponent(snapshotId)}`,
      attempt: `delete volume snapshot ${snapshotId}`,
      accepted: [404],
      signal,
    });
  }

  async typeNames({ signal }: CallOptions = {}): Promise<readonly string[]> {
    try {
      const answer = await this.#cinder.call({
        method: 'GET',
        path: '/types',
        attempt: 'list volume types',
        signal,
      });
      return answer
        .fields()
        .requiredChildren('volume_types')
        .map((type) => type.required('name'));
    } catch (error) {
      if (error instanceof EndpointNotFound) return [];
      throw error;
    }
  }

  async freeQuota({ signal }: CallOptions = {}): Promise<VolumeQuota | undefined> {
    try {
      const answer = await this.#cinder.call({
        method: 'GET',
        path: '/limits',
        attempt: 'show the limits of volumes',
        signal,
      });
      const absolute = answer.fields().child('limits').child('absolute');
      return {
        volumes: left(absolute.number('maxTotalVolumes'), absolute.number('totalVolumesUsed')),
        sizeGiB: left(
          absolute.number('maxTotalVolumeGigabytes'),
          absolute.number('totalGigabytesUsed'),
        ),
      };
    } catch (error) {
      if (error instanceof EndpointNotFound) return undefined;
      throw error;
    }
  }

  /** Nothing where there is no Cinder. */
  async *#list<T extends { id: string; metadata: Readonly<Record<string, string>> }>(
    kind: 'volumes' | 'snapshots',
    shape: (record: Fields) => T,
    { metadata = {} }: MetadataFilter,
    { signal }: CallOptions,
  ): AsyncGenerator<T> {
    const wanted = Object.entries(metadata);
    const query: [string, string][] =
      wanted.length === 0 ? [] : [['metadata', JSON.stringify(metadata)]];
    const items = allPages(async (marker) => {
      const answer = await this.#cinder.call({
        method: 'GET',
        path: `/${kind}/detail`,
        query: marker === undefined ? query : [...query, ['marker', marker]],
        attempt: `list ${kind === 'volumes' ? 'volumes' : 'volume snapshots'}`,
        signal,
      });
      const body = answer.fields();
      return {
        items: body.requiredChildren(kind).map(shape),
        next: nextLink(body, `${kind}_links`),
      };
    });
    try {
      for await (const item of items) {
        if (wanted.every(([key, value]) => item.metadata[key] === value)) yield item;
      }
    } catch (error) {
      if (!(error instanceof EndpointNotFound)) throw error;
    }
  }

  #act(
    volumeId: string,
    verb: string,
    json: object,
    { signal, idempotent }: CallOptions & { idempotent?: boolean },
  ) {
    return this.#cinder.call({
      method: 'POST',
      path: `${volumePath(volumeId)}/action`,
      json,
      attempt: `${verb} volume ${volumeId}`,
      ...(idempotent === undefined ? {} : { idempotent }),
      refused: (refusal) => volumeNotFound(volumeId, refusal),
      signal,
    });
  }
}

/** A limit of -1 is none. */
function left(limit: number | null, used: number | null): number {
  if (limit === null || limit < 0) return Number.POSITIVE_INFINITY;
  return Math.max(0, limit - (used ?? 0));
}

function volumePath(volumeId: string): string {
  return `/volumes/${encodeURIComponent(volumeId)}`;
}

function volumeNotFound(volumeId: string, refusal: Refusal): VolumeNotFound | undefined {
  if (refusal.status !== 404) return undefined;
  return new VolumeNotFound(`${describe(refusal)}.`, { identifiers: { volumeId } });
}
