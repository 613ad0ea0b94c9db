import { Stack, Validations } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

/** Answers a finding of cdk-nag's AwsSolutions with the reason why it stays, such as `S1`. */
export function acknowledge(construct: IConstruct, rule: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: `AwsSolutions::AwsSolutions-${rule}`, reason });
}

/** Why a resource with a wildcard is as narrow as it can be. One that stands here nowhere stops the synthesis. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /\/(keys|roots|segments|packs)\/\*$/,
    'Objects of one kind in the bank: each is written once, under a name that is made at random then.',
  ],
  [
    /\/(records|pins|bases|surveys|samples|damaged|stopped)\/\*$/,
    'Entries of one kind in the register: they come with each backup.',
  ],
  [
    /\/(items|results|outcomes|receipts|uploads|descriptions|restores|rollbacks|verifications|collections)\/\*$/,
    'Objects of one kind in the work place: they come and go with each execution.',
  ],
  [/:task\/[a-z0-9-]+\/\*$/, 'Tasks of one cluster: they have ids of their own.'],
  [
    /:execution:[a-z0-9-]+(\/\*|\*)?:\*$/,
    'Executions of one machine: they have names of their own.',
  ],
];

/** Acknowledges each wildcard among the resources of the statements, with its reason; `everything` is the reason for `*` alone. */
export function acknowledgeWildcards(
  construct: IConstruct,
  statements: readonly PolicyStatement[],
  everything?: string,
): void {
  const stack = Stack.of(construct);
  for (const resource of statements.flatMap((statement) => statement.resources)) {
    const text = flattened(stack.resolve(resource));
    if (!text.includes('*')) continue;
    const reason = text === '*' ? everything : REASONS.find(([pattern]) => pattern.test(text))?.[1];
    if (reason !== undefined) acknowledge(construct, `IAM5[Resource::${text}]`, reason);
  }
}

/** A resolved ARN as cdk-nag writes it: `<LogicalId.Arn>/packs/*`. */
function flattened(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, content] = []] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Ref') return `<${String(content)}>`;
  if (intrinsic === 'Fn::GetAtt') return `<${(content as string[]).join('.')}>`;
  if (intrinsic === 'Fn::Sub') return String(content);
  const [separator, parts] = content as [string, unknown[]];
  return parts.map(flattened).join(separator);
}
