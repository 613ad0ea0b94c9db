import {
  ImageHasNoData,
  ImageInUse,
  ImageInWrongState,
  ImageNotFound,
  ImageProtected,
  ImageRefused,
  ImageTruncated,
  RangeNotSupported,
} from './errors.ts';
import { describe } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** What Glance's refusals mean, by call. Undefined: what they usually mean. */
type Meaning = (imageId: string, refusal: Refusal) => Error | undefined;

export const notFound: Meaning = (imageId, refusal) =>
  refusal.status === 404 ? new ImageNotFound(...about(imageId, refusal)) : undefined;

export const notDeleted: Meaning = (imageId, refusal) => {
  if (refusal.status === 409) return new ImageInUse(...about(imageId, refusal));
  return refusal.status === 403 && /protected/i.test(refusal.text)
    ? new ImageProtected(...about(imageId, refusal))
    : undefined;
};

export const notImported: Meaning = (imageId, refusal) =>
  refusal.status === 409
    ? new ImageInWrongState(...about(imageId, refusal))
    : notFound(imageId, refusal);

export const notUploaded: Meaning = (imageId, refusal) => {
  switch (refusal.status) {
    case 404:
    // Deleted while the data was sent.
    case 410:
      return new ImageNotFound(...about(imageId, refusal));
    case 409:
      return new ImageInWrongState(...about(imageId, refusal));
    case 415:
      return new ImageRefused(...about(imageId, refusal));
    default:
      return undefined;
  }
};

export const notRead: Meaning = (imageId, refusal) =>
  refusal.status === 403 && /deactivat/i.test(refusal.text)
    ? new ImageHasNoData(...about(imageId, refusal))
    : notFound(imageId, refusal);

/** Stores without random access (Ceph, Swift, S3, …) make Glance answer 400 to a Range. */
export const rangeNotRead: Meaning = (imageId, refusal) => {
  if (refusal.status === 400) return new RangeNotSupported(...about(imageId, refusal));
  if (refusal.status === 416) return new ImageTruncated(...about(imageId, refusal));
  return notRead(imageId, refusal);
};

function about(imageId: string, refusal: Refusal): [string, { identifiers: { imageId: string } }] {
  return [`${describe(refusal)}.`, { identifiers: { imageId } }];
}
