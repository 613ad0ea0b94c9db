import { type SetupFinding, setupChecks } from '../../lib/protect/check-setup.ts';
import {
  deadCheckpoints,
  failedRollbacks,
  type Orphan,
  orphanedCopies,
  orphanedSnapshots,
  stalePins,
  strayNotes,
  unfinishedImages,
  unfinishedUploads,
} from '../../lib/protect/find-orphans.ts';
import { removeOldNotes } from '../../lib/protect/sweep.ts';
import { type Interrupted, interruptedExecutions } from '../../lib/protect/find-interrupted.ts';
import type { Services } from '../../lib/services.ts';
import { describeError } from '../command-error.ts';
import type { CommandContext } from '../context.ts';
import { oldHistories } from '../old-histories.ts';
import { printable } from '../terminal/printable.ts';

type Checked =
  | (SetupFinding & { name: string })
  | { name: string; status: 'wrong'; detail: string; remedy?: string };

type Found = Pick<Orphan, 'kind' | 'id' | 'why'> & { state: 'found' | 'removed' | 'stays' };

/**
 * `snapbank doctor`: looks whether everything is set up, and for what dead executions left; removes that with --fix. Never touches what
 * belongs to a live execution. False when anything is wrong.
 */
export async function runDoctor(
  context: CommandContext,
  { fix = false }: { fix?: boolean },
): Promise<boolean> {
  const { output, signal } = context;
  const services = await context.services();
  const checks: Checked[] = [];
  for (const { name, run } of setupChecks(services)) {
    const checked = await run(signal).then(
      (finding): Checked => ({ name, ...finding }),
      (error: unknown) => wrong(name, error, signal),
    );
    checks.push(checked);
    output.event({ type: 'check', ...checked });
  }
  showChecks(context, checks);
  const found: Found[] = [];
  const can = lookable(checks, await isCopy(services));
  const interrupted: Interrupted[] = [];
  if (can.bank) {
    for await (const one of interruptedExecutions(services, { cloud: can.cloud, signal })) {
      interrupted.push(one);
      output.event({ type: 'interrupted', ...one });
    }
  }
  for await (const orphan of allOrphans(context, services, can)) {
    const state = fix ? await removed(context, orphan) : 'found';
    const { kind, id, why } = orphan;
    found.push({ kind, id, why, state });
    output.event({ type: 'orphan', kind, id, why, state });
  }
  if (fix && !isWrong(checks, 'bank')) await removeOldNotes(services, signal);
  const wrongChecks = checks.filter(({ status }) => status === 'wrong').length;
  const left = found.filter(({ state }) => state !== 'removed').length;
  output.event({
    type: 'summary',
    wrong: wrongChecks,
    orphans: found.length,
    left,
    interrupted: interrupted.length,
    lookedIn: { bank: can.bank, cloud: can.cloud },
  });
  showInterrupted(context, interrupted);
  showOrphans(context, found, fix, can);
  return wrongChecks === 0 && left === 0;
}

function wrong(name: string, error: unknown, signal: AbortSignal): Checked {
  signal.throwIfAborted();
  const { name: errorName, message, remedy } = describeError(error);
  return {
    name,
    status: 'wrong',
    detail: `${errorName}: ${message}`,
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function isWrong(checks: readonly Checked[], name: string): boolean {
  return checks.some((check) => check.name === name && check.status === 'wrong');
}

/** Where what dead executions left can be looked for. */
interface Lookable {
  bank: boolean;
  /** Needs the bank, too. */
  cloud: boolean;
}

/** Whatever dead executions left is of the bank that a copy was made of. */
async function isCopy(services: Services): Promise<boolean> {
  return await services.bank().then(
    ({ info }) => info.isCopy,
    () => false,
  );
}

function lookable(checks: readonly Checked[], ofCopy: boolean): Lookable {
  const bank = !ofCopy && !['bank', 'register', 'work place'].some((name) => isWrong(checks, name));
  return {
    bank,
    cloud: bank && !['cloud', 'compute', 'image'].some((name) => isWrong(checks, name)),
  };
}

/** What needs the cloud is looked for only where the cloud can be reached, and so with the bank. */
async function* allOrphans(
  { signal, stateDirectory }: CommandContext,
  services: Services,
  { bank, cloud }: Lookable,
): AsyncGenerator<Orphan> {
  const sources = [
    ...(cloud ? [orphanedSnapshots, orphanedCopies, failedRollbacks, unfinishedImages] : []),
    ...(bank ? [unfinishedUploads, deadCheckpoints, stalePins, strayNotes] : []),
  ];
  for (const source of sources) {
    // To its end before anything is removed: lists do not bear it when what they list goes.
    const orphans: Orphan[] = [];
    for await (const orphan of source(services, signal)) orphans.push(orphan);
    yield* orphans;
  }
  yield* oldHistories(stateDirectory, services.clock.now());
}

async function removed({ output, signal }: CommandContext, orphan: Orphan) {
  try {
    return (await orphan.remove(signal)) ? ('removed' as const) : ('stays' as const);
  } catch (error) {
    signal.throwIfAborted();
    const { name, message } = describeError(error);
    output.warn(printable(`snapbank: warning: ${orphan.kind} ${orphan.id}: ${name}: ${message}`));
    return 'stays' as const;
  }
}

function showChecks({ output }: CommandContext, checks: readonly Checked[]): void {
  output.table<Checked>(
    [
      { title: 'CHECK', text: ({ name }) => name },
      {
        title: 'STATUS',
        text: ({ status }) => status,
        format: ({ status }) => ({ ok: 'green', warning: 'yellow', wrong: 'red' })[status] as 'red',
      },
      { title: 'FOUND', text: ({ detail }) => detail.split('\n')[0] ?? '' },
    ],
    checks,
  );
  for (const check of checks) {
    if (check.status !== 'wrong' || check.remedy === undefined) continue;
    output.line(`${check.name}: ${check.remedy}`);
  }
}

function showInterrupted({ output }: CommandContext, interrupted: readonly Interrupted[]): void {
  if (interrupted.length === 0) return;
  output.line();
  output.table<Interrupted>(
    [
      { title: 'INTERRUPTED', text: ({ kind }) => kind },
      { title: 'EXECUTION', text: ({ execution }) => execution, shrinkable: true },
      { title: 'CHECKPOINT', text: ({ checkpoint }) => checkpoint },
      { title: 'KEPT UNTIL', text: ({ keptUntil }) => keptUntil },
      {
        title: 'IN THE CLOUD',
        text: ({ inCloud }) =>
          inCloud === undefined
            ? 'not looked for'
            : inCloud.map(({ kind, id }) => `${kind} ${id}`).join(', '),
      },
    ],
    interrupted,
  );
  output.line(
    'The same command, typed again within the hour, continues it. Until the time above nothing of it is removed; after that a later backup, a collection or snapbank doctor --fix may do so, and then the next backup begins anew.',
  );
}

function showOrphans(
  { output }: CommandContext,
  found: readonly Found[],
  fix: boolean,
  { bank, cloud }: Lookable,
): void {
  output.line();
  if (!cloud) {
    output.line(
      `What dead executions left ${bank ? 'in the cloud ' : ''}could not be looked for: what is wrong above must be right first.`,
    );
  }
  if (found.length === 0) {
    if (cloud) output.line('Dead executions have left nothing.');
    else if (bank) output.line('In the bank they have left nothing.');
    return;
  }
  output.table<Found>(
    [
      { title: 'LEFT BEHIND', text: ({ kind }) => kind },
      { title: 'ID', text: ({ id }) => id },
      ...(fix ? [{ title: 'NOW', text: ({ state }: Found) => state }] : []),
      { title: 'WHY IT IS NOT NEEDED', text: ({ why }) => why },
    ],
    found,
  );
  if (!fix) output.line('Nothing was removed. To remove it: snapbank doctor --fix');
}
