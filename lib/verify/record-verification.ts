import { PinFenced } from '../bank/register/errors.ts';
import { clearDamage, markDamaged } from '../bank/register/damage-marks.ts';
import { renewPin } from '../bank/register/reader-pin.ts';
import type { Register } from '../bank/register/register.ts';
import { refusesWrites } from '../bank/refuses-writes.ts';
import { readFailures } from '../protect/map-results.ts';
import type { Services } from '../services.ts';
import { SegmentsNotVerified } from './errors.ts';
import { bytesIn, type Finding } from './finding.ts';
import { readGroup, type VerifyGroup, type VerifyPlan } from './plan.ts';
import { readReports } from './reports.ts';
import { countSample, putSampleProgress, readSampleProgress } from './sample.ts';
import { tryToNoteProof } from './try-to-note-proof.ts';
import type { CheckpointOutcome, VerifyReport, VerifySummary } from './verify-summary.ts';

/** An execution's output may hold 256 KiB. */
const SHOWN_DAMAGED = 50;

type GroupCheckpoint = VerifyGroup['checkpoints'][number];

/** Totals over all segments that were looked at. */
interface Tally {
  segments: number;
  packs: number;
  chunks: number;
  bytesRead: number;
}

/**
 * Makes one report out of what the workers left; marks what is damaged, takes back marks of what is sound again, counts the samples
 * and notes in the records of the checkpoints what is proven. Safe to repeat. `resultsPrefix` is where the Map wrote what failed.
 */
export async function recordVerification(
  services: Services,
  plan: VerifyPlan,
  resultsPrefix: string,
  signal: AbortSignal,
): Promise<VerifySummary> {
  const { work } = services.places;
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const report: VerifyReport = { checkpoints: [], findings: [], marked: [], cleared: [] };
  const tally: Tally = { segments: 0, packs: 0, chunks: 0, bytesRead: 0 };
  for (let number = 0; number < plan.groups; number += 1) {
    const group = await readGroup(bank, plan.verificationId, number, signal);
    await addGroup({ services, plan, number, group, resultsPrefix, signal }, report, tally);
  }
  await writeMarks(services, register, report, signal);
  const reportKey = `outcomes/verify-${plan.verificationId}.json`;
  await work.put(reportKey, Buffer.from(JSON.stringify(report)), { signal });
  return summarise(plan, report, tally, reportKey);
}

interface GroupWork {
  services: Services;
  plan: VerifyPlan;
  number: number;
  group: VerifyGroup;
  resultsPrefix: string;
  signal: AbortSignal;
}

async function addGroup(task: GroupWork, report: VerifyReport, tally: Tally): Promise<void> {
  const { services, plan, number, group, signal } = task;
  const findings = [...group.findings];
  let left = group.segments;
  const reports = readReports(await services.bank(), plan.verificationId, number, signal);
  for await (const one of reports) {
    left -= 1;
    tally.segments += 1;
    tally.packs += one.packsChecked;
    tally.chunks += one.chunksRead;
    tally.bytesRead += one.bytesRead;
    findings.push(...one.findings);
    report.cleared.push(...one.cleared);
  }
  const gap = left > 0 ? await firstFailure(task, left) : null;
  const byCheckpoint = new Map<string, Finding[]>();
  for (const finding of findings) {
    for (const checkpoint of finding.checkpoints) {
      const known = byCheckpoint.get(checkpoint);
      if (known === undefined) byCheckpoint.set(checkpoint, [finding]);
      else known.push(finding);
    }
  }
  const register = await services.register();
  const believed = new Set<Finding>();
  const outcomes: CheckpointOutcome[] = [];
  for (const one of group.checkpoints) {
    const own = byCheckpoint.get(one.checkpoint) ?? [];
    const outcome = await outcomeOf(register, { group, checkpoint: one, own, gap }, signal);
    if (outcome.status === 'damaged') for (const finding of own) believed.add(finding);
    outcomes.push(outcome);
  }
  report.findings.push(...believed);
  await noteProofs(task, outcomes, gap === null);
  report.checkpoints.push(...outcomes);
}

/** Why not everything was looked at. */
async function firstFailure(
  { services, resultsPrefix, signal }: GroupWork,
  left: number,
): Promise<{ name: string; message: string }> {
  for await (const { error, cause } of readFailures(services.places.work, resultsPrefix, signal)) {
    return { name: error, message: cause.slice(0, 1000) };
  }
  const { name, message } = new SegmentsNotVerified(`${String(left)} segments were not looked at.`);
  return { name, message };
}

async function outcomeOf(
  register: Register,
  found: {
    group: VerifyGroup;
    checkpoint: GroupCheckpoint;
    own: readonly Finding[];
    gap: CheckpointOutcome['error'];
  },
  signal: AbortSignal,
): Promise<CheckpointOutcome> {
  const { group, checkpoint, own, gap } = found;
  const outcome: CheckpointOutcome = {
    checkpoint: checkpoint.checkpoint,
    serverId: group.server.serverId,
    serverName: group.serverName,
    createdAt: checkpoint.createdAt,
    status: 'sound',
    hurtBytes: 0,
    proven: false,
    error: null,
  };
  if (own.length === 0)
    return gap === null ? outcome : { ...outcome, status: 'unverified', error: gap };
  try {
    // What is missing of a checkpoint whose pin ran out may have been collected in good order.
    await renewPin(register, checkpoint, { signal });
  } catch (error) {
    if (!(error instanceof PinFenced)) throw error;
    const { name, message } = error;
    return { ...outcome, status: 'unverified', error: { name, message } };
  }
  const wholly = own.some(({ disk }) => disk === null);
  const hurtBytes = wholly ? null : hurtBytesOf(own);
  const [first] = own;
  const error = first === undefined ? null : { name: first.error, message: first.message };
  return { ...outcome, status: 'damaged', hurtBytes, error };
}

function hurtBytesOf(findings: readonly Finding[]): number {
  let bytes = 0;
  for (const ofDisk of Map.groupBy(findings, ({ disk }) => disk).values()) {
    bytes += bytesIn(ofDisk.flatMap(({ ranges }) => ranges));
  }
  return bytes;
}

/** Notes the proofs that this run completes, and counts it if it is one of several samples. */
async function noteProofs(
  { services, plan, group, signal }: GroupWork,
  outcomes: readonly CheckpointOutcome[],
  isComplete: boolean,
): Promise<void> {
  const register = await services.register();
  const sound = outcomes
    .filter(({ status }) => status === 'sound')
    .map(({ checkpoint }) => checkpoint);
  const { sampleRun: run } = group;
  const { level, sampleRuns: runs, sampleScope: scope } = plan;
  if (run === null || runs === null) {
    if (level === 'data') await proveAll(register, sound, 'every chunk read', outcomes, signal);
    return;
  }
  if (!isComplete) return;
  const sampling = { server: group.server, level, runs, scope };
  const before = await readSampleProgress(register, sampling, signal);
  const at = new Date(register.clock.now()).toISOString();
  const { progress, proven } = countSample(before, { run, runs, sound, at });
  const how = `every chunk read, in ${String(runs)} runs`;
  if (level === 'data') await proveAll(register, proven, how, outcomes, signal);
  if (progress === before) return;
  await unlessReadOnly(services, async () => {
    await putSampleProgress(register, sampling, progress, signal);
  });
}

async function proveAll(
  register: Register,
  checkpoints: readonly string[],
  how: string,
  outcomes: readonly CheckpointOutcome[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Set(checkpoints);
  for (const outcome of outcomes) {
    if (!wanted.has(outcome.checkpoint)) continue;
    if (await tryToNoteProof(register, outcome.checkpoint, how, signal)) outcome.proven = true;
  }
}

async function writeMarks(
  services: Services,
  register: Register,
  report: VerifyReport,
  signal: AbortSignal,
): Promise<void> {
  const damages = new Map(
    report.findings.map(({ object, error }) => [object, { key: object, error }]),
  );
  const cleared = report.cleared.filter((key) => !damages.has(key));
  report.cleared = cleared;
  await unlessReadOnly(services, async () => {
    await markDamaged(register, damages.values(), { signal });
    report.marked = [...damages.keys()];
    await clearDamage(register, cleared, { signal });
  });
}

/** A bank that may only be read can be verified; then nobody is told of it but by the report. */
async function unlessReadOnly(services: Services, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!refusesWrites(error)) throw error;
    services.log.warn('The register cannot be written: results are not kept there', {
      register: services.places.register.location,
      cause: error.message,
    });
  }
}

function summarise(
  plan: VerifyPlan,
  { checkpoints, findings }: VerifyReport,
  tally: Tally,
  reportKey: string,
): VerifySummary {
  const count = (status: CheckpointOutcome['status']) =>
    checkpoints.filter((one) => one.status === status).length;
  return {
    level: plan.level,
    sampleRuns: plan.sampleRuns,
    checkpoints: checkpoints.length,
    sound: count('sound'),
    damaged: count('damaged'),
    unverified: count('unverified'),
    proven: checkpoints.filter(({ proven }) => proven).length,
    damagedObjects: new Set(findings.map(({ object }) => object)).size,
    ...tally,
    reportKey,
    damagedCheckpoints: checkpoints
      .filter(({ status }) => status === 'damaged')
      .slice(0, SHOWN_DAMAGED)
      .map(({ checkpoint }) => checkpoint),
  };
}
