import { randomBytes } from 'node:crypto';
import { readRecord } from '../../../lib/bank/register/records.ts';
import { isOpenGrave, listSeries } from '../../../lib/bank/register/series.ts';
import { VerifySummary } from '../../../lib/verify/verify-summary.ts';
import type { ExecutionOutcome } from '../../../local/engine/execution-options.ts';
import type { Json } from '../../../local/engine/json.ts';
import type { MachineName } from '../../../local/machines.ts';
import { diskInBank } from '../disk-in-bank.ts';
import { expectEqual, outcomeName } from '../outcomes.ts';
import { startWorld, type World } from '../world.ts';
import type { FaultyPlaces } from './faulty-places.ts';

const MIB = 1024 ** 2;
const DATA_OFFSET = MIB;
/**
 * Longer than a pruned checkpoint can be brought back here, and than an upload that nobody knows is left alone; and all of them together
 * shorter than item lists are kept, for the stores date by the real clock.
 */
const LATER_MILLISECONDS = 2.5 * 24 * 3600 * 1000;
const COLLECTION = { force: true, undelete_days: 1 };

export interface WholeRun {
  faults: number;
  /** How each machine ended under faults: `SUCCEEDED`, or the error by its name. */
  outcomes: Record<string, string>;
}

/**
 * Backup, verification, restore, prune and collection of one server, each while calls of its stores fail. Each must end well or with an
 * error by its name; what was said to be done must be there, whole; damage must not be reported where there is none; and after the runs of
 * a quiet week nothing must be left. Throws what does not hold.
 */
export async function runWholeMachine(places: FaultyPlaces): Promise<WholeRun> {
  const world = await startWorld({
    places: (clock) => places.open(clock),
    startMilliseconds: Date.now(),
  });
  try {
    return await new Scene(world, places).play();
  } finally {
    places.calm();
    await world.close();
    await places.close();
  }
}

class Scene {
  readonly #world: World;
  readonly #places: FaultyPlaces;
  readonly #outcomes: Record<string, string> = {};
  /** By checkpoint, what a restore of it must give. */
  readonly #promised = new Map<string, Buffer>();

  constructor(world: World, places: FaultyPlaces) {
    this.#world = world;
    this.#places = places;
  }

  async play(): Promise<WholeRun> {
    const first = randomBytes(MIB);
    const serverId = await this.#world.addServer('web', first);
    await this.#backUpQuietly(first);

    const second = Buffer.from(first);
    randomBytes(MIB / 4).copy(second, MIB / 2);
    await this.#world.cloud.writeGuest(serverId, DATA_OFFSET, second);
    const backup = await this.#underFaults('backup', {});
    if (backup.status === 'SUCCEEDED') await this.#promise('web@latest', second);
    else await this.#backUpQuietly(second);
    await this.#expectPromises();

    await this.#underFaults('verify', { all: true });
    await this.#restoreUnderFaults(second);

    const third = randomBytes(MIB);
    await this.#world.cloud.writeGuest(serverId, DATA_OFFSET, third);
    await this.#backUpQuietly(third);
    const kept = await this.#newest();
    await this.#underFaults('prune', { keep: { last: 1 } });
    await this.#later();
    for (const turn of ['collect', 'collect again']) {
      await this.#underFaults('collect-garbage', COLLECTION, turn);
    }
    // Pruned or not, collected or not: the newest is whole.
    this.#promised.clear();
    this.#promised.set(kept, third);
    await this.#expectPromises();
    await this.#expectNothingLeft(third);
    return { faults: this.#places.injected, outcomes: this.#outcomes };
  }

  async #underFaults(machine: MachineName, input: Json, as: string = machine) {
    this.#places.arm();
    const outcome = await this.#world.run(machine, input);
    this.#places.calm();
    this.#outcomes[as] = outcomeName(outcome);
    if (machine === 'verify') expectNoDamage(outcome);
    return outcome;
  }

  async #restoreUnderFaults(data: Buffer): Promise<void> {
    const { cloud } = this.#world;
    const input = { checkpoint: 'web@latest', name: 'again', check: true };
    const { status, output } = await this.#underFaults('restore', input);
    if (status !== 'SUCCEEDED') return;
    const { serverId, imageId } = output as { serverId: string; imageId: string };
    const found = await cloud.readGuest(serverId, DATA_OFFSET, data.length);
    expectEqual(found, data, 'the restored server');
    await cloud.removeServer(serverId);
    await cloud.removeImage(imageId);
  }

  async #backUpQuietly(data: Buffer): Promise<void> {
    // What is open and dead, and could not be abandoned, is in nobody's way once its lease has run out.
    await this.#world.clock.advance(2 * 3600 * 1000);
    await this.#world.backUp();
    await this.#promise('web@latest', data);
  }

  async #promise(reference: string, data: Buffer): Promise<void> {
    this.#promised.set(reference === 'web@latest' ? await this.#newest() : reference, data);
  }

  async #newest(): Promise<string> {
    const { output } = await this.#world.run('verify', {
      checkpoints: ['web@latest'],
      level: 'records',
    });
    const { reportKey } = VerifySummary.parse(output);
    const report = Buffer.from(await this.#world.places.work.get(reportKey)).toString();
    const { checkpoints } = JSON.parse(report) as { checkpoints: { checkpoint: string }[] };
    return checkpoints[0]?.checkpoint ?? '';
  }

  async #expectPromises(): Promise<void> {
    for (const [checkpoint, data] of this.#promised) {
      const disk = await diskInBank(this.#world.services, checkpoint);
      const found = disk.subarray(DATA_OFFSET, DATA_OFFSET + data.length);
      expectEqual(found, data, `checkpoint ${checkpoint}`);
      const head = await readRecord(await this.#world.services.register(), checkpoint);
      const state = head.kind === 'live' ? head.value.state : head.kind;
      if (state !== 'COMMITTED') throw new Error(`Checkpoint ${checkpoint} is ${state}.`);
    }
  }

  async #later(): Promise<void> {
    await this.#world.clock.advance(LATER_MILLISECONDS);
  }

  /** After what runs every night anyway. */
  async #expectNothingLeft(data: Buffer): Promise<void> {
    const world = this.#world;
    await this.#later();
    await world.backUp();
    await world.run('prune', { keep: { last: 1 } });
    await this.#later();
    for (let night = 0; night < 2; night += 1) {
      await expectSuccess(world, 'collect-garbage', COLLECTION);
      await this.#later();
    }
    const { dead } = (await expectSuccess(world, 'collect-garbage', {
      ...COLLECTION,
      dry_run: true,
    })) as {
      dead: { objects: number };
    };
    await expectSuccess(world, 'verify', { all: true });
    expectEqual(
      (await diskInBank(world.services, 'web@latest')).subarray(
        DATA_OFFSET,
        DATA_OFFSET + data.length,
      ),
      data,
      'the last checkpoint',
    );
    const left = [...(await world.leftovers()), ...(await this.#places.leftovers())];
    for await (const series of listSeries(world.places.register, 'records/')) {
      if (isOpenGrave(series)) left.push(`${series.count - 1} generations of ${series.prefix}`);
    }
    if (dead.objects > 0) left.push(`${dead.objects} objects that nobody needs`);
    if (left.length > 0) throw new Error(`Left: ${left.join(', ')}`);
  }
}

async function expectSuccess(world: World, machine: MachineName, input: Json): Promise<unknown> {
  const { status, output, error, cause } = await world.run(machine, input);
  if (status !== 'SUCCEEDED') throw new Error(`${machine}: ${error ?? ''} ${cause ?? ''}`);
  return output;
}

function expectNoDamage({ status, output, error, cause }: ExecutionOutcome): void {
  if (status !== 'SUCCEEDED' && error !== 'VerificationFailed') return;
  const summary = VerifySummary.parse(status === 'SUCCEEDED' ? output : JSON.parse(cause ?? ''));
  if (summary.damaged > 0 || summary.damagedObjects > 0) {
    throw new Error(`Faults were taken for damage: ${JSON.stringify(summary)}`);
  }
}
