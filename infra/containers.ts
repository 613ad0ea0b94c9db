import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import {
  AwsLogDriverMode,
  CfnCluster,
  ContainerImage,
  CpuArchitecture,
  FargateTaskDefinition,
  LogDrivers,
  OperatingSystemFamily,
  Secret as ContainerSecret,
} from 'aws-cdk-lib/aws-ecs';
import {
  type IRole,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import { type ILogGroup, LogGroup } from 'aws-cdk-lib/aws-logs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcards } from './acknowledge.ts';
import type { MachineDefinition } from './definitions.ts';
import type { DeployedPlaces } from './places.ts';
import { retentionOf } from './retention.ts';
import type { Settings } from './settings.ts';
import { environmentOf, needsOf } from './state-functions.ts';
import { placeStatements, secretStatement } from './statements.ts';

/** As much as a function that moves data has, and room for a second buffer. */
const CPU_UNITS = 2048;
const MEMORY_MIB = 4096;

/** What the machines of a stack put in place of their placeholders, and what their roles must be allowed. */
export interface DeployedContainers {
  readonly substitutions: Readonly<Record<string, string>>;
  /** By state. */
  readonly taskDefinitions: Readonly<Record<string, FargateTaskDefinition>>;
  /** Resources of the tasks, for StopTask and DescribeTasks. */
  readonly taskArn: string;
}

export interface ContainerParts {
  readonly definitions: readonly MachineDefinition[];
  readonly places: DeployedPlaces;
  readonly settings: Settings;
  /** Holds the Dockerfile and what it copies. */
  readonly directory: string;
}

type ContainerSettings = NonNullable<Settings['containers']>;

/**
 * One Fargate task definition for each state that runs a container, with a role of its own. Undefined where the stack has none: then
 * the machines leave all to functions. No docker is needed before an image is built, which is when the stack is deployed.
 */
export function deployContainers(
  scope: Construct,
  parts: ContainerParts,
): DeployedContainers | undefined {
  const { definitions, settings } = parts;
  const { containers } = settings;
  if (containers === null) return undefined;
  const stack = Stack.of(scope);
  const clusterName = `${stack.stackName}-containers`;
  const cluster = new CfnCluster(scope, 'Cluster', {
    clusterName,
    clusterSettings: [{ name: 'containerInsights', value: 'enabled' }],
  });
  const image = imageOf(scope, containers, parts.directory);
  const names = [...new Set(definitions.flatMap((definition) => definition.containers))];
  const taskDefinitions = Object.fromEntries(
    names.map((name) => [name, taskDefinition(scope, name, image, parts)]),
  );
  return {
    taskDefinitions,
    taskArn: stack.formatArn({
      service: 'ecs',
      resource: 'task',
      resourceName: `${clusterName}/*`,
    }),
    substitutions: {
      LongPasses: 'container',
      ContainerCluster: cluster.attrArn,
      ContainerSubnets: containers.subnetIds.join(','),
      ContainerSecurityGroups: containers.securityGroupIds.join(','),
      ContainerPublicIp: containers.publicIp ? 'ENABLED' : 'DISABLED',
      ...Object.fromEntries(
        names.map((name) => [
          `${name}TaskDefinition`,
          taskDefinitions[name]?.taskDefinitionArn ?? '',
        ]),
      ),
    },
  };
}

interface Image {
  readonly image: ContainerImage;
  readonly pull: readonly PolicyStatement[];
}

function imageOf(
  scope: Construct,
  { image: uri }: Pick<ContainerSettings, 'image'>,
  directory: string,
): Image {
  if (uri === null) {
    const asset = new DockerImageAsset(scope, 'ContainerImage', {
      directory,
      platform: Platform.LINUX_ARM64,
    });
    return {
      image: ContainerImage.fromDockerImageAsset(asset),
      pull: pullFrom(asset.repository.repositoryArn),
    };
  }
  const [, account, region, repository] =
    /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)/.exec(uri) ?? [];
  const arn = Stack.of(scope).formatArn({
    service: 'ecr',
    ...(region === undefined ? {} : { region }),
    ...(account === undefined ? {} : { account }),
    resource: 'repository',
    resourceName: repository ?? '',
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
  return {
    image: ContainerImage.fromRegistry(uri),
    pull: repository === undefined ? [] : pullFrom(arn),
  };
}

function pullFrom(repositoryArn: string): PolicyStatement[] {
  return [
    new PolicyStatement({ actions: ['ecr:GetAuthorizationToken'], resources: ['*'] }),
    new PolicyStatement({
      actions: [
        'ecr:BatchCheckLayerAvailability',
        'ecr:BatchGetImage',
        'ecr:GetDownloadUrlForLayer',
      ],
      resources: [repositoryArn],
    }),
  ];
}

function taskDefinition(
  scope: Construct,
  name: string,
  { image, pull }: Image,
  { places, settings }: ContainerParts,
): FargateTaskDefinition {
  const { secrets } = settings;
  const needs = needsOf(name);
  const logGroup = new LogGroup(scope, `${name}Log`, {
    logGroupName: `/aws/ecs/${Stack.of(scope).stackName}-${name}`,
    retention: retentionOf(settings.logDays),
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const definition = new FargateTaskDefinition(scope, name, {
    family: `${Stack.of(scope).stackName}-${name}`,
    cpu: CPU_UNITS,
    memoryLimitMiB: MEMORY_MIB,
    runtimePlatform: {
      cpuArchitecture: CpuArchitecture.ARM64,
      operatingSystemFamily: OperatingSystemFamily.LINUX,
    },
    taskRole: roleOf(scope, `${name}Role`, placeStatements(needs, places)),
    executionRole: roleOf(scope, `${name}ExecutionRole`, [
      ...pull,
      ...startStatements(scope, logGroup, settings),
    ]),
  });
  definition.addContainer('snapbank', {
    image,
    environment: environmentOf(needs, places, settings),
    // What a container is given is not in its environment as the console shows it, but fetched when it starts.
    secrets: {
      SNAPBANK_CLOUD: secretNamed(scope, `${name}CloudSecret`, secrets.cloud),
      ...(secrets.key === null
        ? {}
        : { SNAPBANK_KEY: secretNamed(scope, `${name}KeySecret`, secrets.key) }),
    },
    logging: LogDrivers.awsLogs({
      logGroup,
      streamPrefix: name,
      mode: AwsLogDriverMode.NON_BLOCKING,
    }),
    readonlyRootFilesystem: true,
  });
  acknowledge(
    definition,
    'ECS2',
    'The environment names the places of the bank and limits; secrets come by the secrets of ECS.',
  );
  return definition;
}

function secretNamed(scope: Construct, id: string, name: string): ContainerSecret {
  return ContainerSecret.fromSecretsManager(Secret.fromSecretNameV2(scope, id, name));
}

/** What ECS itself does before the container runs. */
function startStatements(
  scope: Construct,
  logGroup: ILogGroup,
  { secrets }: Settings,
): PolicyStatement[] {
  return [
    new PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }),
    secretStatement(scope, secrets.cloud),
    ...(secrets.key === null ? [] : [secretStatement(scope, secrets.key)]),
  ];
}

function roleOf(scope: Construct, id: string, statements: PolicyStatement[]): IRole {
  const role = new Role(scope, id, {
    assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    inlinePolicies: { needs: new PolicyDocument({ statements }) },
  });
  acknowledgeWildcards(role, statements, 'A token of ECR is for all of its repositories.');
  return role.withoutPolicyUpdates();
}

/** What a machine that runs containers may do with them. */
export function containerStatements(
  scope: Construct,
  states: readonly string[],
  containers: DeployedContainers | undefined,
): PolicyStatement[] {
  if (states.length === 0) return [];
  const rule = Stack.of(scope).formatArn({
    service: 'events',
    resource: 'rule',
    resourceName: 'StepFunctionsGetEventsForECSTaskRule',
  });
  const follows = new PolicyStatement({
    // Step Functions checks for it when a machine with runTask.sync is made, whether it will ever run one or not.
    actions: ['events:DescribeRule', 'events:PutRule', 'events:PutTargets'],
    resources: [rule],
  });
  if (containers === undefined) return [follows];
  const { taskArn, taskDefinitions } = containers;
  const own = states.flatMap((name) => taskDefinitions[name] ?? []);
  return [
    follows,
    new PolicyStatement({
      actions: ['ecs:RunTask'],
      resources: own.map((definition) => definition.taskDefinitionArn),
    }),
    new PolicyStatement({ actions: ['ecs:DescribeTasks', 'ecs:StopTask'], resources: [taskArn] }),
    new PolicyStatement({
      actions: ['iam:PassRole'],
      resources: own.flatMap(({ taskRole, executionRole }) =>
        executionRole === undefined
          ? [taskRole.roleArn]
          : [taskRole.roleArn, executionRole.roleArn],
      ),
      conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    }),
  ];
}
