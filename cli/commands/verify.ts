import { InvalidInput } from '../../lib/errors.ts';
import type { Finding } from '../../lib/verify/finding.ts';
import type { VerifyLevel } from '../../lib/verify/request.ts';
import {
  type CheckpointOutcome,
  VerifyReport,
  VerifySummary,
} from '../../lib/verify/verify-summary.ts';
import type { ExecutionOutcome } from '../../local/engine/execution-options.ts';
import type { JsonObject } from '../../local/engine/json.ts';
import type { CommandContext } from '../context.ts';
import { machineFailure } from '../machine-failure.ts';
import type { Output } from '../output.ts';
import { parseOutput, parseOutputText } from '../parse-output.ts';
import { planIn } from '../plan-in.ts';
import { type EndedExecution, runExecution } from '../run-execution.ts';
import { formatAge, formatBytes, formatDuration } from '../terminal/format.ts';
import { printable } from '../terminal/printable.ts';
import { VerifyProgress } from '../verify-progress.ts';
import { type BootOptions, proveBoot } from './prove-boot.ts';

export interface VerifyOptions extends BootOptions {
  server?: string[];
  plan?: string;
  all?: boolean;
  level?: VerifyLevel;
  /** `10` or `10%`. */
  sample?: string;
}

/** What else is named is a server. */
const CHECKPOINT = /^[0-9a-f]{1,24}$|@latest$/;

/** Findings, and address ranges of each, that people are shown; --json shows all. */
const SHOWN_FINDINGS = 20;
const SHOWN_RANGES = 4;

/** `snapbank verify`: runs the verify machine. False when anything is damaged or was not looked at. */
export async function runVerify(
  context: CommandContext,
  reference: string | undefined,
  options: VerifyOptions,
): Promise<boolean> {
  if (options.boot === true) {
    refuseTogether(
      options,
      ['server', 'plan', 'all', 'level', 'sample'],
      'does not go with --boot',
    );
    await proveBoot(context, reference, options);
    return true;
  }
  refuseTogether(options, ['console', 'bootSeconds', 'flavor', 'network'], 'goes with --boot only');
  const label = reference ?? options.server?.join(', ') ?? options.plan ?? 'all';
  const ended = await runExecution(context, {
    machine: 'verify',
    input: requestOf(reference, options),
    display: new VerifyProgress(context.output, label),
    options,
    usesCloud: false,
  });
  return await showVerification(context, ended);
}

/** Says what was found. False when anything is damaged or was not looked at. */
export async function showVerification(
  { output }: CommandContext,
  { name, outcome, elapsedMilliseconds, readWork }: EndedExecution,
): Promise<boolean> {
  const summary = summaryOf(outcome);
  const bytes = await readWork(summary.reportKey);
  if (bytes === undefined) {
    const unseen = { checkpoints: null, findings: null, marked: null, cleared: null };
    output.event({ type: 'summary', execution: name, ...summary, ...unseen });
    for (const checkpoint of summary.damagedCheckpoints) output.line(`${checkpoint} is damaged.`);
    totalsLine(output, summary, elapsedMilliseconds);
  } else {
    const report = parseOutputText(VerifyReport, bytes);
    output.event({ type: 'summary', execution: name, ...summary, ...report });
    show(output, report, summary, elapsedMilliseconds);
  }
  return summary.sound === summary.checkpoints;
}

function refuseTogether(
  options: VerifyOptions,
  names: readonly (keyof VerifyOptions)[],
  why: string,
): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  const flag = given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new InvalidInput(`--${flag} ${why}.`);
}

/** A `VerifyRequest`, as the machine's first state checks it. */
function requestOf(reference: string | undefined, options: VerifyOptions): JsonObject {
  const { server = [], plan, all } = options;
  const isCheckpoint = reference !== undefined && CHECKPOINT.test(reference);
  const servers = isCheckpoint || reference === undefined ? server : [reference, ...server];
  const chosen = [
    ...(isCheckpoint ? ['a checkpoint'] : []),
    ...(servers.length === 0 ? [] : [server.length === 0 ? 'a server' : '--server']),
    ...(plan === undefined ? [] : ['--plan']),
  ];
  if (all === true && chosen.length > 0) {
    throw new InvalidInput(`--all does not go with ${chosen.join(' and ')}.`);
  }
  if (isCheckpoint && chosen.length > 1) {
    throw new InvalidInput(
      `A checkpoint is verified by itself, without ${chosen.slice(1).join(' and ')}.`,
    );
  }
  if (chosen.length === 0 && all !== true) {
    throw new InvalidInput(
      'Say what to verify: CHECKPOINT or SERVER@latest, SERVER (all of its checkpoints), --server NAME (repeatable), --plan NAME, or --all.',
    );
  }
  return {
    ...(isCheckpoint ? { checkpoints: [reference] } : {}),
    ...(servers.length === 0 ? {} : { servers }),
    ...(plan === undefined ? {} : { plan: planIn(plan) }),
    ...(options.all === undefined ? {} : { all: true }),
    ...(options.level === undefined ? {} : { level: options.level }),
    ...(options.sample === undefined ? {} : { sample_percent: percentIn(options.sample) }),
  };
}

function percentIn(text: string): number {
  const percent = Number(text.replace(/%$/, ''));
  if (text !== '' && percent > 0 && percent <= 100) return percent;
  throw new InvalidInput(`--sample is "${text}"; give a part of the whole, such as 10%.`);
}

/** The summary is the output of a run that found nothing and the cause of one that did. */
function summaryOf(outcome: ExecutionOutcome): VerifySummary {
  if (outcome.status === 'SUCCEEDED') return parseOutput(VerifySummary, outcome.output);
  if (outcome.error === 'VerificationFailed') {
    return parseOutputText(VerifySummary, outcome.cause ?? '');
  }
  throw machineFailure(outcome);
}

function show(
  output: Output,
  { checkpoints, findings, marked, cleared }: VerifyReport,
  summary: VerifySummary,
  elapsedMilliseconds: number,
): void {
  if (checkpoints.length === 0) {
    output.line('There is no checkpoint. Make one: snapbank backup --server NAME');
    return;
  }
  const now = new Date();
  output.table<CheckpointOutcome>(
    [
      { title: 'CHECKPOINT', text: ({ checkpoint }) => checkpoint },
      {
        title: 'SERVER',
        text: ({ serverName, serverId }) => serverName ?? serverId,
        shrinkable: true,
      },
      {
        title: 'CREATED',
        text: ({ createdAt }) => formatAge(new Date(createdAt), now),
        droppable: true,
      },
      {
        title: 'STATUS',
        text: ({ status }) => status,
        format: ({ status }) => (status === 'sound' ? 'green' : 'red'),
      },
      ...(summary.damaged > 0 ? [{ title: 'HURT', text: hurtText, align: 'right' as const }] : []),
      ...(summary.proven > 0
        ? [{ title: 'PROVEN', text: ({ proven }: CheckpointOutcome) => (proven ? 'yes' : '') }]
        : []),
    ],
    checkpoints,
  );
  for (const finding of findings.slice(0, SHOWN_FINDINGS)) showFinding(output, finding);
  if (findings.length > SHOWN_FINDINGS) {
    output.line(`… and ${String(findings.length - SHOWN_FINDINGS)} more; --json shows all.`);
  }
  for (const { checkpoint, status, error } of checkpoints) {
    if (status !== 'unverified' || error === null) continue;
    output.line(printable(`${checkpoint} was not verified: ${error.name}: ${error.message}`));
  }
  if (marked.length > 0) {
    output.line(
      `Marked ${String(marked.length)} damaged objects: the next backup of their servers stores anew what it finds of them.`,
    );
  }
  if (cleared.length > 0) {
    output.line(`${String(cleared.length)} objects that were marked are sound again.`);
  }
  totalsLine(output, summary, elapsedMilliseconds);
}

function totalsLine(output: Output, summary: VerifySummary, elapsedMilliseconds: number): void {
  if (summary.sampleRuns !== null) {
    output.line(
      `This was a sample: ${String(summary.sampleRuns)} runs of the same command look at everything.`,
    );
  }
  output.line(
    `${String(summary.sound)} of ${String(summary.checkpoints)} sound at level ${summary.level}, in ${formatDuration(elapsedMilliseconds)}: ${String(summary.segments)} segments, ${String(summary.packs)} packs, ${formatBytes(summary.bytesRead)} of data read back.`,
  );
}

function hurtText({ status, hurtBytes }: CheckpointOutcome): string {
  if (status !== 'damaged') return '';
  return hurtBytes === null ? 'all' : formatBytes(hurtBytes);
}

function showFinding(output: Output, { checkpoints, object, error, disk, ranges }: Finding): void {
  const shown = ranges
    .slice(0, SHOWN_RANGES)
    .map(({ offset, length }) => `${String(offset)}+${String(length)}`);
  if (ranges.length > SHOWN_RANGES) shown.push('…');
  const where =
    disk === null ? 'all of' : `disk ${String(disk)}, guest addresses ${shown.join(' ')} of`;
  output.line(printable(`${error}: ${object} hurts ${where} ${checkpoints.join(', ')}`));
}
