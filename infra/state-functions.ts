import { Duration } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { MachineDefinition } from './definitions.ts';
import { type Needs, NEEDS } from './needs.ts';
import type { DeployedPlaces } from './places.ts';
import type { Settings } from './settings.ts';
import { type FunctionCommons, snapbankFunction } from './snapbank-function.ts';
import { placeStatements, secretStatement } from './statements.ts';

/** More than 1,769 MiB is more than one processor: these hash, compress and encrypt what they move. */
const WORKER_MIB = 2048;
const WORKERS = new Set([
  'UploadRange',
  'UploadStream',
  'AssembleRange',
  'UploadImage',
  'CheckRange',
  'VerifyRange',
]);
/** Holds lists of all objects of the bank. */
const COLLECTOR_MIB = 3008;
const OTHER_MIB = 512;
/** Lambda's own limit. */
const MAX_SECONDS = 900;
/** A function is over before its state stops waiting for it. */
const MARGIN_SECONDS = 30;

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
        timeout: Duration.seconds(
          Math.min(MAX_SECONDS, (stateSeconds[name] ?? MAX_SECONDS) - MARGIN_SECONDS),
        ),
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
  shape: { name: string; description: string; timeout: Duration },
): LambdaFunction {
  const needs = needsOf(shape.name);
  const secrets = secretsOf(needs, settings);
  return snapbankFunction(scope, commons, {
    ...shape,
    memoryMiB: memoryOf(shape.name),
    environment: environmentOf(needs, places, settings),
    statements: [
      ...placeStatements(needs, places),
      ...secrets.map((secret) => secretStatement(scope, secret)),
    ],
    readsSecrets: secrets.length > 0,
  });
}

function needsOf(name: string): Needs {
  const needs = NEEDS[name];
  if (needs === undefined) throw new Error(`infra/needs.ts does not say what ${name} needs.`);
  return needs;
}

function memoryOf(name: string): number {
  if (name === 'CollectGarbage') return COLLECTOR_MIB;
  return WORKERS.has(name) ? WORKER_MIB : OTHER_MIB;
}

function secretsOf(needs: Needs, { secrets }: Settings): string[] {
  return [
    ...(needs.cloud === true ? [secrets.cloud] : []),
    ...(needs.key === true && secrets.key !== null ? [secrets.key] : []),
  ];
}

function environmentOf(
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
    SNAPBANK_RANGES_AT_ONCE: String(settings.rangesAtOnce),
    SNAPBANK_PARTS_AT_ONCE: String(settings.partsAtOnce),
    SNAPBANK_IMAGE_IMPORT: settings.imageImport,
  };
}
