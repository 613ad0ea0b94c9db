import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Settings } from './settings.ts';

/** One of the three places of the bank: a prefix of a bucket. */
export interface DeployedPlace {
  readonly bucket: IBucket;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  /** `s3://bucket/prefix`, as functions are told. */
  readonly location: string;
  /** Whether its bucket has Object Lock. */
  readonly locked: boolean;
  /** The key of its own that encrypts it, if there is one. */
  readonly key?: Key;
}

export interface DeployedPlaces {
  readonly bank: DeployedPlace;
  readonly register: DeployedPlace;
  readonly work: DeployedPlace;
}

const COMMON: BucketProps = {
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
  enforceSSL: true,
  encryption: BucketEncryption.S3_MANAGED,
  removalPolicy: RemovalPolicy.RETAIN,
};

/** Parts of an upload that nobody completes are billed and seen by nobody. */
const unfinishedUploads = {
  id: 'unfinished-uploads',
  abortIncompleteMultipartUploadAfter: Duration.days(7),
};

/** Makes the buckets that the settings do not name. They outlive the stack, except for the work place. */
export function deployPlaces(scope: Construct, settings: Settings): DeployedPlaces {
  return {
    bank: {
      ...placeIn(scope, 'Bank', settings.bank, () => bankBucket(scope, settings.bank)),
      locked: settings.bank.lockDays > 0,
    },
    register: placeIn(scope, 'Register', settings.register, () => ({
      bucket: new Bucket(scope, 'Register', { ...COMMON, lifecycleRules: [unfinishedUploads] }),
    })),
    work: placeIn(scope, 'Work', settings.work, () => ({ bucket: workBucket(scope) })),
  };
}

function placeIn(
  scope: Construct,
  id: string,
  { bucket: name, prefix }: { bucket: string | null; prefix: string },
  make: () => { bucket: Bucket; key?: Key },
): DeployedPlace {
  const made = name === null ? make() : undefined;
  if (made !== undefined) {
    acknowledge(
      made.bucket,
      'S1',
      'Access to the data is recorded by CloudTrail data events where the operator wants it; a log bucket would be one more to guard.',
    );
  }
  const bucket: IBucket =
    (made?.bucket as IBucket | undefined) ?? Bucket.fromBucketName(scope, id, name ?? '');
  const slash = prefix === '' ? '' : `${prefix}/`;
  return {
    bucket,
    prefix: slash,
    location: `s3://${bucket.bucketName}${prefix === '' ? '' : `/${prefix}`}`,
    locked: false,
    ...(made?.key === undefined ? {} : { key: made.key }),
  };
}

function bankBucket(
  scope: Construct,
  { keepDeletedDays, lockDays, encryption }: Settings['bank'],
): { bucket: Bucket; key?: Key } {
  const key =
    encryption === 'kms'
      ? new Key(scope, 'BankKey', {
          description: 'Encrypts the bank',
          enableKeyRotation: true,
          removalPolicy: RemovalPolicy.RETAIN,
        })
      : undefined;
  const versioned = keepDeletedDays > 0 || lockDays > 0;
  const bucket = new Bucket(scope, 'Bank', {
    ...COMMON,
    versioned,
    ...(key === undefined
      ? {}
      : { encryption: BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true }),
    // No default retention: the bank itself says how each object is locked (`snapbank bank init --lock`).
    ...(lockDays > 0 ? { objectLockEnabled: true } : {}),
    lifecycleRules: [
      unfinishedUploads,
      ...(versioned
        ? [
            {
              id: 'deleted-objects',
              noncurrentVersionExpiration: Duration.days(Math.max(keepDeletedDays, 1)),
              expiredObjectDeleteMarker: true,
            },
          ]
        : []),
    ],
  });
  return { bucket, ...(key === undefined ? {} : { key }) };
}

/** What lies there may be lost without harm; `sweep` removes most of it earlier. */
function workBucket(scope: Construct): Bucket {
  return new Bucket(scope, 'Work', {
    ...COMMON,
    removalPolicy: RemovalPolicy.DESTROY,
    lifecycleRules: [unfinishedUploads, { id: 'old-objects', expiration: Duration.days(35) }],
  });
}
