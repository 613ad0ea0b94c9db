import { type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type Code,
  Function as LambdaFunction,
  type FunctionOptions,
  ParamsAndSecretsLayerVersion,
  ParamsAndSecretsVersions,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge.ts';
import { fileNameOf } from './definitions.ts';
import { retentionOf } from './retention.ts';

/** What all functions of a stack have in common. */
export interface FunctionCommons {
  readonly codeOf: (fileName: string) => Code;
  readonly logDays: number;
  readonly network: Pick<FunctionOptions, 'vpc' | 'vpcSubnets' | 'securityGroups'>;
}

export interface FunctionShape {
  readonly name: string;
  readonly description: string;
  readonly timeout: Duration;
  readonly memoryMiB: number;
  readonly environment: Record<string, string>;
  readonly statements: readonly PolicyStatement[];
  readonly readsSecrets: boolean;
  /** Reserved for it, and the most it may take. */
  readonly atOnce?: number;
}

/** A function with a role of its own that allows the statements given, writing to its own log group, and nothing else. */
export function snapbankFunction(
  scope: Construct,
  commons: FunctionCommons,
  shape: FunctionShape,
): LambdaFunction {
  const { name } = shape;
  const { stackName } = Stack.of(scope);
  const logGroup = new LogGroup(scope, `${name}Log`, {
    logGroupName: `/aws/lambda/${stackName}-${name}`,
    retention: retentionOf(commons.logDays),
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const writeLog = new PolicyStatement({
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [logGroup.logGroupArn],
  });
  const inVpc = commons.network.vpc !== undefined;
  const statements = [writeLog, ...shape.statements, ...(inVpc ? [networkInterfaces()] : [])];
  const role = new Role(scope, `${name}Role`, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: { needs: new PolicyDocument({ statements }) },
  });
  acknowledgeWildcards(role, statements, 'Network interfaces have no names before they are made.');
  return new LambdaFunction(scope, name, {
    functionName: `${stackName}-${name}`,
    description: shape.description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: commons.codeOf(fileNameOf(name)),
    memorySize: shape.memoryMiB,
    timeout: shape.timeout,
    ...(shape.atOnce === undefined ? {} : { reservedConcurrentExecutions: shape.atOnce }),
    role: role.withoutPolicyUpdates(),
    logGroup,
    environment: { NODE_OPTIONS: '--enable-source-maps', ...shape.environment },
    ...(shape.readsSecrets
      ? {
          paramsAndSecrets: ParamsAndSecretsLayerVersion.fromVersion(
            ParamsAndSecretsVersions.V1_0_103,
          ),
        }
      : {}),
    ...commons.network,
  });
}

/** Lambda attaches functions to a VPC with the function's own role; none of these actions knows resources before they are made. */
function networkInterfaces(): PolicyStatement {
  return new PolicyStatement({
    actions: [
      'ec2:AssignPrivateIpAddresses',
      'ec2:CreateNetworkInterface',
      'ec2:DeleteNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:UnassignPrivateIpAddresses',
    ],
    resources: ['*'],
  });
}
