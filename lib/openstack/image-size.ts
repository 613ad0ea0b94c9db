import { ImageHasNoData, ImageSizeUnknown } from './errors.ts';
import { notRead } from './image-refusals.ts';
import { imagePath } from './image-shape.ts';
import type { CallOptions } from './open-stack.ts';
import type { Service } from './service.ts';

/** How large an image's file is, by what a download announces; it is not read. Safe to repeat. */
export async function announcedSize(
  glance: Service,
  imageId: string,
  { signal }: CallOptions,
): Promise<number> {
  const attempt = `tell how large image ${imageId} is`;
  const identifiers = { imageId };
  const ask = async () => {
    const stream = await glance.open({
      method: 'GET',
      path: `${imagePath(imageId)}/file`,
      attempt,
      refused: (refusal) => notRead(imageId, refusal),
      signal,
    });
    stream.discard();
    return stream;
  };
  const { status, headers } = await glance.patiently(attempt, ask, signal);
  if (status === 204) throw new ImageHasNoData(`Image ${imageId} has no data.`, { identifiers });
  const length = headers['content-length'] ?? '';
  if (/^\d+$/.test(length)) return Number(length);
  throw new ImageSizeUnknown(
    `Glance does not say how large image ${imageId} is: its size is null, and its download announces no length.`,
    { identifiers },
  );
}
