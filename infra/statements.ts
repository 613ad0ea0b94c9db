import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { type Needs, OPENING, type PlaceNeeds } from './needs.ts';
import type { DeployedPlace, DeployedPlaces } from './places.ts';

/** The statements that allow what a function needs of the three places, and nothing else. */
export function placeStatements(needs: Needs, places: DeployedPlaces): PolicyStatement[] {
  const opening = (of: PlaceNeeds) => (needs.key === true ? [of] : []);
  return [
    ...statementsFor(places.bank, [needs.bank ?? {}, ...opening(OPENING.bank)]),
    ...statementsFor(places.register, [needs.register ?? {}, ...opening(OPENING.register)]),
    ...statementsFor(places.work, [needs.work ?? {}]),
  ];
}

function statementsFor(place: DeployedPlace, needs: readonly PlaceNeeds[]): PolicyStatement[] {
  const keys = (of: (need: PlaceNeeds) => readonly string[] | undefined) => [
    ...new Set(needs.flatMap((need) => of(need) ?? [])),
  ];
  const get = keys((need) => need.get);
  const put = keys((need) => need.put);
  const remove = keys((need) => need.delete);
  const parts = keys((need) => need.parts);
  const lists = get.length > 0 || needs.some(({ list }) => list === true);
  const uploads = needs.some((need) => need.uploads === true);
  const statements = [
    objects(place, ['s3:GetObject'], get),
    objects(place, ['s3:PutObject'], put),
    objects(place, ['s3:DeleteObject'], remove),
    ...(place.locked
      ? lockStatements(
          place,
          keys(({ retain }) => retain),
          remove,
        )
      : []),
    objects(place, ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], parts),
    // A condition on s3:prefix would turn the 404 of a key that is not there into a 403: GetObject carries no prefix.
    bucket(place, lists ? ['s3:ListBucket'] : []),
    bucket(place, uploads ? ['s3:ListBucketMultipartUploads'] : []),
  ];
  if (place.key !== undefined && get.length + put.length > 0) {
    statements.push(
      new PolicyStatement({
        actions: ['kms:Decrypt', ...(put.length > 0 ? ['kms:GenerateDataKey'] : [])],
        resources: [place.key.keyArn],
      }),
    );
  }
  return statements.filter((statement) => statement !== undefined);
}

function lockStatements(place: DeployedPlace, retain: string[], remove: string[]) {
  return [
    objects(place, ['s3:PutObjectRetention'], retain),
    objects(place, ['s3:GetObjectRetention'], [...new Set([...retain, ...remove])]),
    objects(place, ['s3:DeleteObjectVersion'], remove),
    bucket(place, remove.length > 0 ? ['s3:ListBucketVersions'] : []),
  ];
}

function objects(
  { bucket, prefix }: DeployedPlace,
  actions: string[],
  keys: readonly string[],
): PolicyStatement | undefined {
  if (keys.length === 0) return undefined;
  return new PolicyStatement({
    actions,
    resources: keys.map((key) => bucket.arnForObjects(`${prefix}${key}`)),
  });
}

function bucket(place: DeployedPlace, actions: string[]): PolicyStatement | undefined {
  if (actions.length === 0) return undefined;
  return new PolicyStatement({ actions, resources: [place.bucket.bucketArn] });
}

/** Reading a secret by its name: Secrets Manager puts six characters of its own behind it. */
export function secretStatement(scope: Construct, secretName: string): PolicyStatement {
  const arn = Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${secretName}-??????`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [arn] });
}
