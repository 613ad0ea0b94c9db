import { Duration } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { MachineDefinition } from './definitions.ts';
import { functionSeconds, memoryMiBOf } from './function-limits.ts';
import { type Needs, NEEDS } from './needs.ts';
import type { DeployedPlaces } from './places.ts';
import type { Settings } from './settings.ts';
import { type FunctionCommons, snapbankFunction } from './snapbank-function.ts';
import { placeStatements, secretStatement } from './statements.ts';

/** One function for each Task state of the definitions. */
export function deployStateFunctions(
  scope: Construct,
  definitions: readonly MachineDefinition[],
  places: DeployedPlaces,
  settings: Settings,
  commons: FunctionCommons,
): Record<string, LambdaFunction> {
  const functions: Record<string, LambdaFunction> = {};
  for (const { machine, functions: names, stateSeconds } of definitions) {
    for (const name of names) {
      functions[name] ??= functionWithNeeds(scope, places, settings, commons, {
        name,
        description: `State ${name} of the machine ${machine}`,
        timeout: Duration.seconds(functionSeconds(stateSeconds[name] ?? 0)),
      });
    }
  }
  return functions;
}

/** A function that is given what infra/needs.ts says of it. */
export function functionWithNeeds(
  scope: Construct,
  places: DeployedPlaces,
  settings: Settings,
  commons: FunctionCommons,
  shape: {
    name: string;
    description: string;
    timeout: Duration;
    environment?: Record<string, string>;
    statements?: readonly PolicyStatement[];
  },
): LambdaFunction {
  const needs = needsOf(shape.name);
  const secrets = secretsOf(needs, settings);
  return snapbankFunction(scope, commons, {
    ...shape,
    memoryMiB: memoryMiBOf(shape.name),
    environment: { ...environmentOf(needs, places, settings), ...shape.environment },
    statements: [
      ...(shape.statements ?? []),
      ...placeStatements(needs, places),
      ...secrets.map((secret) => secretStatement(scope, secret)),
    ],
    readsSecrets: secrets.length > 0,
  });
}

export function needsOf(name: string): Needs {
  const needs = NEEDS[name];
  if (needs === undefined) throw new Error(`infra/needs.ts does not say what ${name} needs.`);
  return needs;
}

function secretsOf(needs: Needs, { secrets }: Settings): string[] {
  return [
    ...(needs.cloud === true ? [secrets.cloud] : []),
    ...(needs.key === true && secrets.key !== null ? [secrets.key] : []),
  ];
}

/** The variables by which functions and containers find the places and the secrets. */
export function environmentOf(
  needs: Needs,
  { bank, register, work }: DeployedPlaces,
  settings: Settings,
): Record<string, string> {
  return {
    SNAPBANK_BANK: bank.location,
    SNAPBANK_REGISTER: register.location,
    SNAPBANK_WORK: work.location,
    SNAPBANK_WORK_PREFIX: work.prefix,
    ...(needs.cloud === true ? { SNAPBANK_CLOUD_SECRET: settings.secrets.cloud } : {}),
    ...(needs.key === true && settings.secrets.key !== null
      ? { SNAPBANK_KEY_SECRET: settings.secrets.key }
      : {}),
    ENABLE_SERVER_SNAPSHOT: String(settings.enableServerSnapshot),
    SNAPBANK_SERVERS_AT_ONCE: String(settings.serversAtOnce),
    SNAPBANK_SNAPSHOTS_PER_HOST: String(settings.snapshotsPerHost),
    SNAPBANK_RANGES_AT_ONCE: String(settings.rangesAtOnce),
    SNAPBANK_PARTS_AT_ONCE: String(settings.partsAtOnce),
    SNAPBANK_IMAGE_IMPORT: settings.imageImport,
    ...(settings.containers?.fromGiB === undefined
      ? {}
      : { SNAPBANK_FUNCTION_PASS_BYTES: String(settings.containers.fromGiB * 1024 ** 3) }),
  };
}
