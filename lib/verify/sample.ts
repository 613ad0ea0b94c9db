import { createHash } from 'node:crypto';
import * as z from 'zod';
import { serverKeyOf } from '../bank/register/ids.ts';
import type { ServerIdentity } from '../bank/register/identity.ts';
import type { Register } from '../bank/register/register.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { VerifyLevel, VerifyRequest } from './request.ts';
import { FORMAT_VERSION } from '../bank/format-version.ts';

/** How far the samples of a server have come, in the register. */
const SampleProgress = z.strictObject({
  version: z.literal(FORMAT_VERSION),
  /** Number of the next run. */
  next: z.int().nonnegative(),
  /** Checkpoints that were part of every run since the samples were last everywhere, and sound in each. */
  sound: z.array(z.string()),
  at: z.iso.datetime(),
});
type SampleProgress = z.infer<typeof SampleProgress>;

/** A way of sampling; each keeps count for itself. */
export interface Sampling {
  readonly server: ServerIdentity;
  readonly level: VerifyLevel;
  readonly runs: number;
  /** Empty where all checkpoints of the server are looked at. */
  readonly scope: string;
}

function keyOf({ nameKey }: Register, { server, level, runs, scope }: Sampling): string {
  const way = `${level}-${String(runs)}`;
  return `samples/${serverKeyOf(nameKey, server)}/${scope === '' ? way : `${way}-${scope}`}`;
}

/**
 * Tells the turns of verifications apart that do not look at the same checkpoints of a server: of two commands that are run by turns each
 * would else see its own half for ever. By what was asked for, not by what that is today: `web@latest` goes on with its turns.
 */
export function samplingScope({ checkpoints, plan }: VerifyRequest): string {
  if (checkpoints === undefined && plan === undefined) return '';
  const asked = JSON.stringify({ checkpoints: checkpoints?.toSorted(), plan });
  return createHash('sha256').update(asked).digest('hex').slice(0, 16);
}

/** What has been counted; from the beginning where nothing that can be read is there: then something is looked at twice. */
export async function readSampleProgress(
  register: Register,
  sampling: Sampling,
  signal: AbortSignal,
): Promise<SampleProgress> {
  try {
    const bytes = await register.store.get(keyOf(register, sampling), { signal });
    return SampleProgress.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (error) {
    const unreadable = error instanceof SyntaxError || error instanceof z.ZodError;
    if (!unreadable && !(error instanceof ObjectNotFound)) throw error;
    return { version: FORMAT_VERSION, next: 0, sound: [], at: new Date(0).toISOString() };
  }
}

/**
 * Counts a run that looked at all it should, and returns the checkpoints that are proven with it: sound in each of the runs that
 * together have been everywhere. Returns nothing when the run was counted before.
 */
export function countSample(
  before: SampleProgress,
  { run, runs, sound, at }: { run: number; runs: number; sound: readonly string[]; at: string },
): { progress: SampleProgress; proven: readonly string[] } {
  if (before.next !== run) return { progress: before, proven: [] };
  const earlier = new Set(before.sound);
  const still = run % runs === 0 ? sound : sound.filter((checkpoint) => earlier.has(checkpoint));
  return {
    progress: { version: FORMAT_VERSION, next: run + 1, sound: [...still], at },
    proven: (run + 1) % runs === 0 ? still : [],
  };
}

export async function putSampleProgress(
  register: Register,
  sampling: Sampling,
  progress: SampleProgress,
  signal: AbortSignal,
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(progress)}\n`);
  await register.store.put(keyOf(register, sampling), body, { signal });
}

/** A part of a server's disks that is looked at in one run or in another. */
export interface SampledPlace {
  /** Servers begin at different places: of many small ones each run is to see some. */
  readonly serverKey: string;
  readonly disk: number;
  readonly segment: number;
}

/** Whether a run's sample includes the segment: every segment is in exactly one of `runs` successive ones. */
export function isSampled(
  { serverKey, disk, segment }: SampledPlace,
  run: number,
  runs: number,
): boolean {
  const begin = Number.parseInt(serverKey.slice(0, 8), 16);
  return (begin + disk + segment) % runs === run % runs;
}
