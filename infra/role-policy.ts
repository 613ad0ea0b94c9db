import { parseLocation } from '../lib/bank/store/location.ts';
import { InvalidInput } from '../lib/errors.ts';
import { type Machine, readDefinition } from './definitions.ts';
import { NEEDS, OPENING, type PlaceNeeds } from './needs.ts';

/** What somebody does with a bank who runs the command, and the machine that does it. */
export const ROLES = {
  backup: 'backup',
  restore: 'restore',
  verify: 'verify',
  prune: 'prune',
  collect: 'collect-garbage',
} as const satisfies Record<string, Machine>;
export type Role = keyof typeof ROLES;

/** `s3://BUCKET/PREFIX` of each place. */
export interface RolePlaces {
  readonly bank: string;
  readonly register: string;
  readonly work: string;
  /** Whether the bank is locked by S3 Object Lock. */
  readonly locked: boolean;
}

export interface Statement {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
}

/** Lists, receipts and results of the running command itself. */
const WORK: PlaceNeeds = { get: ['*'], put: ['*'], delete: ['*'], parts: ['*'], uploads: true };

/**
 * The statements that allow one role what its machine does with S3, by the table of infra/needs.ts, and nothing else; the work place whole.
 * For an IAM policy, or, with a principal, a bucket's.
 */
export function roleStatements(role: Role, places: RolePlaces): Statement[] {
  const { functions } = readDefinition(ROLES[role]);
  const needs = functions.map((name) => NEEDS[name] ?? {});
  const of = (place: 'bank' | 'register') => [
    OPENING[place],
    ...needs.map((need) => need[place] ?? {}),
  ];
  return [
    ...statementsFor(places.bank, of('bank'), places.locked),
    ...statementsFor(places.register, of('register'), false),
    ...statementsFor(places.work, [WORK], false),
  ];
}

function statementsFor(
  location: string,
  needs: readonly PlaceNeeds[],
  locked: boolean,
): Statement[] {
  const place = parseLocation(location);
  if (place.kind !== 's3') {
    throw new InvalidInput(
      `${location} is a directory; permissions of S3 are for s3://BUCKET/PREFIX.`,
    );
  }
  const bucket = `arn:aws:s3:::${place.bucket}`;
  const below = `${bucket}/${place.prefix === '' ? '' : `${place.prefix}/`}`;
  const keys = (what: 'get' | 'put' | 'delete' | 'retain' | 'parts') => [
    ...new Set(needs.flatMap((need) => need[what] ?? [])),
  ];
  const objects = (Action: string[], names: string[]): Statement[] =>
    names.length === 0
      ? []
      : [{ Effect: 'Allow', Action, Resource: names.sort().map((name) => `${below}${name}`) }];
  const [retained, deleted] = [keys('retain'), keys('delete')];
  // Without the list S3 answers 403, not 404, for a key that is not there.
  const onBucket = [
    's3:ListBucket',
    ...(needs.some(({ uploads }) => uploads) ? ['s3:ListBucketMultipartUploads'] : []),
    ...(locked && deleted.length > 0 ? ['s3:ListBucketVersions'] : []),
  ];
  return [
    ...objects(['s3:GetObject'], keys('get')),
    ...objects(['s3:PutObject'], keys('put')),
    ...objects(['s3:DeleteObject'], deleted),
    ...objects(['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], keys('parts')),
    ...(locked
      ? [
          ...objects(['s3:PutObjectRetention'], retained),
          ...objects(['s3:GetObjectRetention'], [...new Set([...retained, ...deleted])]),
          ...objects(['s3:DeleteObjectVersion'], deleted),
        ]
      : []),
    { Effect: 'Allow', Action: onBucket, Resource: [bucket] },
  ];
}
