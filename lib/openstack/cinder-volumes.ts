import { EndpointNotFound } from './errors.ts';
import type { CallOptions, Volume, Volumes } from './open-stack.ts';
import type { Service } from './service.ts';

/** Volumes of Cinder, which a cloud need not have. */
export class CinderVolumes implements Volumes {
  readonly #cinder: Service;

  constructor(cinder: Service) {
    this.#cinder = cinder;
  }

  async show(volumeId: string, { signal }: CallOptions = {}): Promise<Volume | undefined> {
    try {
      const answer = await this.#cinder.call({
        method: 'GET',
        path: `/volumes/${encodeURIComponent(volumeId)}`,
        attempt: `show volume ${volumeId}`,
        accepted: [404],
        signal,
      });
      if (answer.status === 404) return undefined;
      const volume = answer.fields().child('volume');
      return {
        id: volume.required('id'),
        name: volume.text('name'),
        status: volume.text('status') ?? '',
        sizeGiB: volume.number('size') ?? 0,
        bootable: volume.flag('bootable') ?? false,
        encrypted: volume.flag('encrypted') ?? false,
        attachedServerIds: volume
          .children('attachments')
          .map((attachment) => attachment.text('server_id'))
          .filter((serverId) => serverId !== null),
      };
    } catch (error) {
      if (error instanceof EndpointNotFound) return undefined;
      throw error;
    }
  }
}
