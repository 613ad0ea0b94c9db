import { costsOf } from './costs.ts';
import { GIB, SCENARIOS } from './scenario.ts';
import { type Simulated, simulate } from './simulate.ts';

const LIMITS = {
  payloadBytes: 256 * 1024,
  history: 25_000,
  functionSeconds: 900,
  parts: 10_000,
  functionsAtOnce: 1000,
};

function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function dollars(value: number): string {
  return `$${value.toFixed(2)}`;
}

function hours(seconds: number): string {
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** Lines of what was counted, and of the limit where there is one. */
function linesOf({ scenario, tally, status, seconds, storedBytes, parts }: Simulated) {
  const costs = costsOf(tally, storedBytes);
  const { transitions, lambda, requests, logs, storageMonth } = costs;
  const total = transitions + lambda + requests + logs;
  return [
    ['outcome', [status, ...tally.failures].join(' '), ''],
    ['time', hours(seconds), ''],
    ['executions (children too)', number(tally.executions), ''],
    ['events of the longest history', number(tally.largestHistory), number(LIMITS.history)],
    ['largest payload [bytes]', number(tally.largestPayloadBytes), number(LIMITS.payloadBytes)],
    ['functions at once', number(tally.functionsAtOnce), number(LIMITS.functionsAtOnce)],
    ['longest function [s]', number(tally.longestFunctionSeconds), number(LIMITS.functionSeconds)],
    ['parts of the largest object', number(parts), number(LIMITS.parts)],
    ['transitions', number(tally.transitions), ''],
    ['calls of functions', number(tally.functionCalls), ''],
    ['Lambda [GB-s]', number(tally.gigabyteSeconds), ''],
    [
      'S3 PUT, LIST / GET',
      `${number(tally.requestsToS3.puts)} / ${number(tally.requestsToS3.gets)}`,
      '',
    ],
    ['cost: transitions', dollars(transitions), ''],
    ['cost: Lambda', dollars(lambda), ''],
    ['cost: S3 requests', dollars(requests), ''],
    ['cost: logs of the machine', dollars(logs), ''],
    ['cost of the run', dollars(total), ''],
    ['  per server', `$${(total / scenario.servers).toFixed(4)}`, ''],
    ['stored by it [GiB]', number(storedBytes / GIB), ''],
    ['  for a month', dollars(storageMonth), ''],
  ] as const;
}

function withinLimits({ tally, status, parts }: Simulated): boolean {
  return (
    status === 'SUCCEEDED' &&
    tally.failures.size === 0 &&
    tally.largestPayloadBytes <= LIMITS.payloadBytes &&
    tally.largestHistory < LIMITS.history &&
    tally.functionsAtOnce <= LIMITS.functionsAtOnce &&
    tally.longestFunctionSeconds <= LIMITS.functionSeconds &&
    parts <= LIMITS.parts
  );
}

for (const scenario of SCENARIOS) {
  const { serversAtOnce, rangesAtOnce, partsAtOnce, machine } = scenario;
  const settings =
    machine === 'backup'
      ? `serversAtOnce ${String(serversAtOnce)}, rangesAtOnce ${String(rangesAtOnce)}`
      : `partsAtOnce ${String(partsAtOnce)}`;
  process.stdout.write(`\n${scenario.title} (${settings})\n`);
  const simulated = await simulate(scenario);
  if (simulated.error !== undefined) process.stdout.write(`  ${simulated.error}\n`);
  for (const [what, value, limit] of linesOf(simulated)) {
    const of = limit === '' ? '' : `  of ${limit}`;
    process.stdout.write(`  ${what.padEnd(32)}${value.padStart(24)}${of}\n`);
  }
  if (!withinLimits(simulated)) process.exitCode = 1;
}
