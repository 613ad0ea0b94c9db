import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import {
  DefinitionBody,
  LogLevel,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge.ts';
import { containerStatements, type DeployedContainers } from './containers.ts';
import { type MachineDefinition, WORKER_STATE_SECONDS } from './definitions.ts';
import { NO_CONTAINERS } from './no-containers.ts';
import type { DeployedPlace } from './places.ts';
import { retentionOf } from './retention.ts';

export interface MachineParts {
  readonly functions: Readonly<Record<string, LambdaFunction>>;
  /** Undefined where the stack has none. */
  readonly containers: DeployedContainers | undefined;
  readonly work: DeployedPlace;
  readonly bus: IEventBus;
  readonly logDays: number;
}

/** Deploys a definition byte for byte; its placeholders become the ARNs and names of this stack. */
export function deployMachine(
  scope: Construct,
  definition: MachineDefinition,
  parts: MachineParts,
): StateMachine {
  const { machine, file } = definition;
  const stack = Stack.of(scope);
  const id = `${machine.replaceAll(/(^|-)(\w)/g, (_, _dash, letter: string) => letter.toUpperCase())}Machine`;
  const stateMachineName = `${stack.stackName}-${machine}`;
  const values = substitutions(definition, parts);
  const logGroup = new LogGroup(scope, `${id}Log`, {
    // Step Functions wants this beginning: a resource policy has room for few log groups.
    logGroupName: `/aws/vendedlogs/states/${stateMachineName}`,
    retention: retentionOf(parts.logDays),
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const statements = statementsOf(scope, definition, parts, stateMachineName);
  const role = new Role(scope, `${id}Role`, {
    assumedBy: new ServicePrincipal('states.amazonaws.com'),
    inlinePolicies: { calls: new PolicyDocument({ statements }) },
  });
  acknowledgeWildcards(role, statements, 'Log delivery and X-Ray know no resources.');
  return new StateMachine(scope, id, {
    stateMachineName,
    stateMachineType: StateMachineType.STANDARD,
    definitionBody: DefinitionBody.fromFile(file),
    definitionSubstitutions: values,
    role: role.withoutPolicyUpdates(),
    tracingEnabled: true,
    // Names and ids are in the history of an execution, for those who may see it.
    logs: { destination: logGroup, level: LogLevel.ALL, includeExecutionData: false },
  });
}

/** One value for each placeholder of the definition, and none besides. */
function substitutions(
  { functions: names, placeholders }: MachineDefinition,
  { functions, containers, work, bus }: MachineParts,
): Record<string, string> {
  const known: Record<string, string | undefined> = {
    ...(containers?.substitutions ?? NO_CONTAINERS),
    WorkBucket: work.bucket.bucketName,
    WorkPrefix: work.prefix,
    EventBusName: bus.eventBusName,
    WorkerTimeoutSeconds: String(WORKER_STATE_SECONDS),
    ...Object.fromEntries(
      names.map((name) => [`${name}FunctionArn`, functions[name]?.functionArn]),
    ),
  };
  return Object.fromEntries(
    placeholders.map((placeholder) => {
      const value = known[placeholder];
      if (value === undefined)
        throw new Error(`Nothing is known to put in place of ${placeholder}.`);
      return [placeholder, value];
    }),
  );
}

function statementsOf(
  scope: Construct,
  { functions: names, containers: containerStates, placeholders }: MachineDefinition,
  { functions, containers, work, bus }: MachineParts,
  machineName: string,
): PolicyStatement[] {
  const stack = Stack.of(scope);
  const arn = (resource: string, resourceName: string) =>
    stack.formatArn({
      service: 'states',
      resource,
      resourceName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  const allow = (actions: string[], resources: string[]) =>
    new PolicyStatement({ actions, resources });
  const maps = placeholders.includes('WorkBucket');
  return [
    allow(
      ['lambda:InvokeFunction'],
      names.flatMap((name) => functions[name]?.functionArn ?? []),
    ),
    ...(maps
      ? [
          // A distributed Map starts executions of its own machine (Developer Guide, "IAM policies for Distributed Map").
          allow(['states:StartExecution'], [arn('stateMachine', machineName)]),
          allow(
            ['states:DescribeExecution', 'states:StopExecution'],
            [arn('execution', `${machineName}*:*`)],
          ),
          allow(['states:RedriveExecution'], [arn('execution', `${machineName}/*:*`)]),
          allow(
            ['s3:GetObject'],
            ['items/*', 'results/*', 'verifications/*'].map((key) =>
              work.bucket.arnForObjects(work.prefix + key),
            ),
          ),
          allow(
            ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
            [work.bucket.arnForObjects(`${work.prefix}results/*`)],
          ),
          allow(['s3:ListBucket'], [work.bucket.bucketArn]),
        ]
      : []),
    ...containerStatements(scope, containerStates, containers),
    ...(placeholders.includes('EventBusName')
      ? [allow(['events:PutEvents'], [bus.eventBusArn])]
      : []),
    allow(
      [
        'logs:CreateLogDelivery',
        'logs:DeleteLogDelivery',
        'logs:DescribeLogGroups',
        'logs:DescribeResourcePolicies',
        'logs:GetLogDelivery',
        'logs:ListLogDeliveries',
        'logs:PutResourcePolicy',
        'logs:UpdateLogDelivery',
        'xray:GetSamplingRules',
        'xray:GetSamplingTargets',
        'xray:PutTelemetryRecords',
        'xray:PutTraceSegments',
      ],
      ['*'],
    ),
  ];
}
