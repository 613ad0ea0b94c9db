import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, element, S3Fault, textsOf, xml } from './answer.ts';
import { type Bucket, type BucketObject, etagOf, joinParts, objectOf } from './buckets.ts';

export interface S3Request {
  operation: Operation;
  bucketName: string;
  key: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface ServerState {
  buckets: Map<string, Bucket>;
  /** Most entries of any listing's page. */
  pageSize: number;
  /** As Ceph's gateway does in a versioned bucket. */
  ignoresConditions: boolean;
  /** Answers a range with the whole object, as some proxies do. */
  ignoresRanges: boolean;
  /** By the server's clock. */
  now: () => Date;
}

export type Operation = keyof typeof operations;

/** Tells the operation as S3 does, by method and query. */
export function operationOf(method: string, key: string, query: URLSearchParams): Operation {
  const isPart = query.has('uploadId');
  if (key === '') {
    if (method === 'PUT') return 'CreateBucket';
    if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
    if (method === 'GET') return query.has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2';
  }
  if (method === 'PUT') return isPart ? 'UploadPart' : 'PutObject';
  if (method === 'GET') return isPart ? 'ListParts' : 'GetObject';
  if (method === 'HEAD') return 'HeadObject';
  if (method === 'POST') return isPart ? 'CompleteMultipartUpload' : 'CreateMultipartUpload';
  if (method === 'DELETE' && isPart) return 'AbortMultipartUpload';
  throw new S3Fault(405, 'MethodNotAllowed');
}

const operations = {
  CreateBucket({ bucketName }, { buckets }) {
    if (!buckets.has(bucketName))
      buckets.set(bucketName, { objects: new Map(), uploads: new Map() });
    return { status: 200 };
  },

  PutObject({ bucketName, key, headers, body }, state) {
    const { objects } = bucketOf(state, bucketName);
    if (headers['if-none-match'] === '*' && objects.has(key) && !state.ignoresConditions) {
      throw new S3Fault(412, 'PreconditionFailed');
    }
    const object = objectOf(body, state.now());
    objects.set(key, object);
    return { status: 200, headers: { etag: object.etag } };
  },

  GetObject({ bucketName, key, headers }, state) {
    const object = bucketOf(state, bucketName).objects.get(key);
    if (object === undefined) throw new S3Fault(404, 'NoSuchKey');
    return headers.range === undefined || state.ignoresRanges
      ? { status: 200, headers: headersOf(object), body: object.bytes }
      : rangeOf(object, headers.range);
  },

  HeadObject({ bucketName, key }, { buckets }) {
    const object = buckets.get(bucketName)?.objects.get(key);
    if (object === undefined) return { status: 404 };
    const headers = { ...headersOf(object), 'content-length': object.bytes.length };
    return { status: 200, headers };
  },

  ListObjectsV2({ bucketName, query }, state) {
    const { objects } = bucketOf(state, bucketName);
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const isEncoded = query.get('encoding-type') === 'url';
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = keys.slice(0, state.pageSize);
    const isTruncated = page.length < keys.length;
    return xml(200, 'ListBucketResult', [
      element('IsTruncated', isTruncated),
      ...(isEncoded ? [element('EncodingType', 'url')] : []),
      ...(isTruncated ? [element('NextContinuationToken', page.at(-1) ?? '')] : []),
      ...page.map((key) => {
        const { bytes, modifiedAt } = objects.get(key) ?? objectOf(Buffer.alloc(0), state.now());
        const name = isEncoded ? encodeURIComponent(key).replaceAll('%20', '+') : key;
        return `<Contents>${element('Key', name)}${element('Size', bytes.length)}${element('LastModified', modifiedAt.toISOString())}</Contents>`;
      }),
    ]);
  },

  DeleteObjects({ bucketName, headers, body }, state) {
    const { objects } = bucketOf(state, bucketName);
    if (headers['content-md5'] === undefined && headers['x-amz-checksum-crc32'] === undefined) {
      throw new S3Fault(400, 'InvalidRequest');
    }
    const keys = textsOf(body.toString(), 'Key');
    if (keys.length > 1000) throw new S3Fault(400, 'MalformedXML');
    for (const key of keys) objects.delete(key);
    return xml(200, 'DeleteResult', []);
  },

  CreateMultipartUpload({ bucketName, key, headers }, state) {
    const id = randomUUID();
    const hasChecksums = headers['x-amz-checksum-algorithm'] !== undefined;
    const upload = { id, key, startedAt: state.now(), hasChecksums, parts: new Map() };
    bucketOf(state, bucketName).uploads.set(id, upload);
    return xml(200, 'InitiateMultipartUploadResult', [element('UploadId', id)]);
  },

  UploadPart(request, state) {
    const etag = etagOf(request.body);
    uploadOf(request, state).parts.set(Number(request.query.get('partNumber')), {
      bytes: request.body,
      etag,
      checksum: request.headers['x-amz-checksum-crc32']?.toString(),
    });
    return { status: 200, headers: { etag } };
  },

  ListParts(request, state) {
    const { parts, hasChecksums } = uploadOf(request, state);
    const after = Number(request.query.get('part-number-marker') ?? 0);
    const numbers = [...parts.keys()].filter((number) => number > after).sort((a, b) => a - b);
    const page = numbers.slice(0, state.pageSize);
    return xml(200, 'ListPartsResult', [
      element('IsTruncated', page.length < numbers.length),
      element('NextPartNumberMarker', page.at(-1) ?? 0),
      ...page.flatMap((number) => {
        const part = parts.get(number);
        if (part === undefined) return [];
        const checksum =
          hasChecksums && part.checksum ? element('ChecksumCRC32', part.checksum) : '';
        return `<Part>${element('PartNumber', number)}${element('ETag', part.etag)}${element('Size', part.bytes.length)}${checksum}</Part>`;
      }),
    ]);
  },

  CompleteMultipartUpload(request, state) {
    const upload = uploadOf(request, state);
    const { objects, uploads } = bucketOf(state, request.bucketName);
    const parts = request.body
      .toString()
      .split('</Part>')
      .slice(0, -1)
      .map((part) => ({
        number: Number(textsOf(part, 'PartNumber')[0]),
        etag: textsOf(part, 'ETag')[0] ?? '',
        checksum: textsOf(part, 'ChecksumCRC32')[0],
      }));
    const object = joinParts(upload, parts, state.now());
    objects.set(request.key, object);
    uploads.delete(upload.id);
    return xml(200, 'CompleteMultipartUploadResult', [element('ETag', object.etag)]);
  },

  AbortMultipartUpload(request, state) {
    bucketOf(state, request.bucketName).uploads.delete(uploadOf(request, state).id);
    return { status: 204 };
  },

  ListMultipartUploads({ bucketName, query }, state) {
    const prefix = query.get('prefix') ?? '';
    const marker = `${query.get('key-marker') ?? ''}\n${query.get('upload-id-marker') ?? ''}`;
    const uploads = [...bucketOf(state, bucketName).uploads.values()]
      .filter((upload) => upload.key.startsWith(prefix) && markerOf(upload) > marker)
      .sort((a, b) => (markerOf(a) < markerOf(b) ? -1 : 1));
    const page = uploads.slice(0, state.pageSize);
    const last = page.at(-1);
    return xml(200, 'ListMultipartUploadsResult', [
      element('IsTruncated', page.length < uploads.length),
      ...(last ? [element('NextKeyMarker', last.key), element('NextUploadIdMarker', last.id)] : []),
      ...page.map(
        ({ key, id, startedAt }) =>
          `<Upload>${element('Key', key)}${element('UploadId', id)}${element('Initiated', startedAt.toISOString())}</Upload>`,
      ),
    ]);
  },
} satisfies Record<string, (request: S3Request, state: ServerState) => Answer>;

export function perform(request: S3Request, state: ServerState): Answer {
  return operations[request.operation](request, state);
}

function bucketOf({ buckets }: ServerState, name: string): Bucket {
  const bucket = buckets.get(name);
  if (bucket === undefined) throw new S3Fault(404, 'NoSuchBucket');
  return bucket;
}

function uploadOf({ bucketName, key, query }: S3Request, state: ServerState) {
  const upload = bucketOf(state, bucketName).uploads.get(query.get('uploadId') ?? '');
  if (upload?.key !== key) throw new S3Fault(404, 'NoSuchUpload');
  return upload;
}

function markerOf({ key, id }: { key: string; id: string }): string {
  return `${key}\n${id}`;
}

function headersOf({ etag, modifiedAt }: BucketObject) {
  return { etag, 'last-modified': modifiedAt.toUTCString(), 'accept-ranges': 'bytes' };
}

function rangeOf(object: BucketObject, header: string): Answer {
  const { bytes } = object;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header) ?? [];
  const start = Number(first);
  const end = last === '' ? bytes.length : Math.min(Number(last) + 1, bytes.length);
  if (!(start < end)) throw new S3Fault(416, 'InvalidRange');
  return {
    status: 206,
    headers: { ...headersOf(object), 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` },
    body: bytes.subarray(start, end),
  };
}
