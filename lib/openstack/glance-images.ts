import { randomUUID } from 'node:crypto';
import type { ByteSource } from '../disk/disk.ts';
import { InvalidInput } from '../errors.ts';
import { redactText } from '../http/redact.ts';
import { ImageInUse, ImageInWrongState } from './errors.ts';
import { download } from './image-download.ts';
import { probeRange, readRange } from './image-range.ts';
import { notDeleted, notFound, notImported } from './image-refusals.ts';
import {
  filterQuery,
  imageOf,
  imagePath,
  imageRequest,
  isReserved,
  matches,
  taskOf,
} from './image-shape.ts';
import { announcedSize } from './image-size.ts';
import { endSource, upload } from './image-upload.ts';
import type {
  Image,
  ImageDownload,
  ImageFilter,
  ImageTask,
  NewImage,
  RangeSupport,
} from './image.ts';
import type { CallOptions, Images } from './open-stack.ts';
import { allPages } from './paging.ts';
import { retry } from '../retry.ts';
import type { Service } from './service.ts';

/** Glance's own default is 25. */
const PAGE_SIZE = 200;

/** Something that lets go of an image soon (a hash being computed, a clone being flattened) should have done so by then. */
const UNTIL_RELEASED = {
  attempts: 6,
  firstWaitMs: 2_000,
  longestWaitMs: 20_000,
  deadlineMs: 60_000,
};

/** Images of Glance. */
export class GlanceImages implements Images {
  readonly #glance: Service;

  constructor(glance: Service) {
    this.#glance = glance;
  }

  async show(imageId: string, { signal }: CallOptions = {}): Promise<Image> {
    const answer = await this.#glance.call({
      method: 'GET',
      path: imagePath(imageId),
      attempt: `show image ${imageId}`,
      refused: (refusal) => notFound(imageId, refusal),
      signal,
    });
    return imageOf(answer.fields());
  }

  async *list(filter: ImageFilter = {}, { signal }: CallOptions = {}): AsyncGenerator<Image> {
    const query: [string, string][] = [['limit', String(PAGE_SIZE)], ...filterQuery(filter)];
    const images = allPages(async (marker) => {
      const answer = await this.#glance.call({
        method: 'GET',
        path: '/images',
        query: marker === undefined ? query : [...query, ['marker', marker]],
        attempt: 'list images',
        signal,
      });
      const body = answer.fields();
      return { items: body.requiredChildren('images').map(imageOf), next: body.text('next') };
    });
    for await (const image of images) if (matches(image, filter)) yield image;
  }

  async create(image: NewImage, { signal }: CallOptions = {}): Promise<Image> {
    const reserved = Object.keys(image.properties ?? {}).filter(isReserved);
    if (reserved.length > 0) {
      throw new InvalidInput(
        `Glance does not allow image properties named ${reserved.join(', ')}.`,
      );
    }
    const id = image.id ?? randomUUID();
    const answer = await this.#glance.call({
      method: 'POST',
      path: '/images',
      json: imageRequest(id, image),
      attempt: `create image "${image.name}"`,
      // With an id of our own a repeated request makes no second image, but is told that there is one.
      idempotent: true,
      accepted: [409],
      signal,
    });
    return answer.status === 409 ? this.show(id, { signal }) : imageOf(answer.fields());
  }

  async upload(
    imageId: string,
    body: AsyncIterable<Uint8Array>,
    options: CallOptions & { sizeBytes?: number } = {},
  ): Promise<void> {
    try {
      // Also sees to it that the token is good: the data cannot be sent twice.
      const image = await this.show(imageId, options);
      if (image.status !== 'queued') {
        throw new ImageInWrongState(
          `Image ${imageId} is ${image.status}; data can be given only to a queued image.`,
          { identifiers: { imageId } },
        );
      }
      await upload(this.#glance, imageId, body, options);
    } finally {
      await endSource(body);
    }
  }

  async delete(imageId: string, { signal }: CallOptions = {}): Promise<void> {
    const { session } = this.#glance;
    await retry(
      () =>
        this.#glance.call({
          method: 'DELETE',
          path: imagePath(imageId),
          attempt: `delete image ${imageId}`,
          accepted: [404],
          refused: (refusal) => notDeleted(imageId, refusal),
          signal,
        }),
      {
        policy: UNTIL_RELEASED,
        clock: session.clock,
        signal: session.signalFor(signal),
        judge: (error) => ({ again: error instanceof ImageInUse }),
      },
    );
  }

  async importMethods({ signal }: CallOptions = {}): Promise<readonly string[]> {
    const answer = await this.#glance.call({
      method: 'GET',
      path: '/info/import',
      attempt: 'tell its import methods',
      accepted: [404],
      signal,
    });
    if (answer.status === 404) return [];
    return answer.fields().optionalChild('import-methods')?.texts('value') ?? [];
  }

  async importWebDownload(
    imageId: string,
    url: string,
    { signal }: CallOptions = {},
  ): Promise<void> {
    await this.#glance.call({
      method: 'POST',
      path: `${imagePath(imageId)}/import`,
      json: { method: { name: 'web-download', uri: url } },
      attempt: `import image ${imageId} from the web`,
      secret: url,
      refused: (refusal) => notImported(imageId, refusal),
      signal,
    });
  }

  async tasks(imageId: string, { signal }: CallOptions = {}): Promise<readonly ImageTask[]> {
    const answer = await this.#glance.call({
      method: 'GET',
      path: `${imagePath(imageId)}/tasks`,
      attempt: `list the tasks of image ${imageId}`,
      accepted: [404],
      signal,
    });
    if (answer.status === 404) return [];
    return answer
      .fields()
      .children('tasks')
      .map(taskOf)
      .map((task) => ({
        ...task,
        message: task.message === null ? null : redactText(task.message),
      }))
      .sort((one, other) => (other.createdAt ?? '').localeCompare(one.createdAt ?? ''));
  }

  async sizeOf(image: Image, options: CallOptions = {}): Promise<number> {
    return image.sizeBytes ?? announcedSize(this.#glance, image.id, options);
  }

  async probeRange(
    imageId: string,
    sizeBytes: number,
    options: CallOptions = {},
  ): Promise<RangeSupport> {
    return probeRange(this.#glance, imageId, sizeBytes, options);
  }

  async read(
    imageId: string,
    offset: number,
    length: number,
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    return readRange(this.#glance, { imageId, offset, length }, options);
  }

  byteSource(imageId: string, sizeBytes: number): ByteSource {
    return {
      sizeBytes,
      read: (offset, length, signal) => this.read(imageId, offset, length, { signal }),
    };
  }

  download(imageId: string, options: CallOptions & { checkHash?: boolean } = {}): ImageDownload {
    return download({ glance: this.#glance, images: this, imageId, ...options });
  }
}
