import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { printFigures } from './figures.ts';
import type { GuestMark } from './guest-report.ts';
import { Guests } from './guests.ts';
import type { Lab } from './lab.ts';
import { labAs } from './lab.ts';
import { leftovers, leftoversInBank } from './leftovers.ts';
import { marksOnDisk } from './marks-on-disk.ts';
import {
  bringTo,
  copyOfGuestImage,
  createServerGroup,
  deleteServerGroup,
  lock,
  unlock,
} from './server-actions.ts';
import type { BackedUpServer } from './snapbank.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

const name = uniqueName('states');
const named = (state: string) => `${name}-${state}`;
const execution = `${name}-run`;
/** By state: what the guest wrote, and the server. */
const marks = new Map<string, GuestMark>();
const ids = new Map<string, string>();
const unknown = randomUUID();
let other: { lab: Lab; guests: Guests };
let groupId: string;
/** Snapshots that their user took while the backup ran. */
const own: string[] = [];
let outcomes: Map<string, BackedUpServer>;

const stage = useStage(async ({ lab, guests: all }) => {
  const small = await labAs(lab, {
    OS_APPLICATION_CREDENTIAL_ID: lab.env['LAB_SMALL_APPLICATION_CREDENTIAL_ID'],
    OS_APPLICATION_CREDENTIAL_SECRET: lab.env['LAB_SMALL_APPLICATION_CREDENTIAL_SECRET'],
  });
  other = { lab: small, guests: new Guests(small) };
  const bootImageId = await copyOfGuestImage(stage, named('boot-image'));
  groupId = await createServerGroup(lab, name);

  const alone = { serverGroupId: groupId };
  const extra = { locked: { imageId: bootImageId, ...alone } };
  for (const state of ['locked', 'paused', 'suspended', 'busy', 'rescued', 'resized', 'shelved']) {
    const more = state === 'locked' ? extra.locked : {};
    ids.set(state, await all.create(named(state), more));
  }
  ids.set('failed', await all.create(named('failed'), alone));
  ids.set('foreign', await other.guests.create(named('foreign')));
  for (const state of ['locked', 'paused', 'suspended', 'busy']) {
    const { wrote } = await all.report(idOf(state));
    marks.set(state, wrote);
  }
  await Promise.all([
    lock(lab, idOf('locked')).then(() => lab.openstack.images.delete(bootImageId)),
    bringTo(stage, idOf('paused'), 'pause'),
    bringTo(stage, idOf('suspended'), 'suspend'),
    bringTo(stage, idOf('rescued'), 'rescue'),
    bringTo(stage, idOf('resized'), 'resize'),
    bringTo(stage, idOf('shelved'), 'shelve'),
    expect(all.waitFor(idOf('failed'), 'ACTIVE')).rejects.toThrow(idOf('failed')),
  ]);
});

function idOf(state: string): string {
  const id = ids.get(state);
  if (id === undefined) throw new Error(`There is no server for ${state}.`);
  return id;
}

async function historyOfRun(): Promise<string> {
  const directory = join(stage.snapbank.directory, '.local/state/snapbank/executions');
  const file = join(directory, 'snapbank-backup', execution, 'history.jsonl');
  return await readFile(file, 'utf8').catch(() => '');
}

/** Its user asks for a snapshot of their own, which takes some seconds. */
async function snapshotByUser(): Promise<void> {
  const request = { name: named('of-the-user'), metadata: {} };
  own.push((await stage.lab.openstack.servers.createImage(idOf('busy'), request)).imageId);
}

beforeAll(async () => {
  const { snapbank } = stage;
  const imageId = await copyOfGuestImage(stage, named('large-boot-image'), { paddingMiB: 256 });
  ids.set('building', await stage.guests.create(named('building'), { imageId }));
  const states = 'building busy rescued resized shelved failed foreign paused suspended locked';
  const args = states.split(' ').flatMap((state) => ['--server', idOf(state)]);
  await snapshotByUser();
  const run = await snapbank.backup([...args, '--server', unknown, '--execution', execution], {
    env: { SNAPBANK_SERVERS_AT_ONCE: '6' },
    exitCode: 1,
  });
  outcomes = new Map(run.summary.servers.map((server) => [server.id, server]));
  // It ends by itself: whether it is met depends on how fast the machine is.
  const building = /task_state (scheduling|networking|spawning)|vm_state building/;
  const history = await historyOfRun();
  const inBuild = building.test(history);
  const met = /task_state image_/.test(history);
  printFigures(
    'servers in eleven states',
    `${run.seconds.toFixed(1)} s; met in BUILD: ${inBuild}; met while its user snapshots it: ${met}`,
  );
});

afterAll(async () => {
  if (ids.has('locked')) await unlock(stage.lab, idOf('locked')).catch(() => undefined);
  await other?.guests.deleteAll();
  for (const id of own) await stage.lab.openstack.images.delete(id);
  if (groupId !== undefined) await deleteServerGroup(stage.lab, groupId).catch(() => undefined);
});

const outcomeOf = (state: string) => outcomes.get(idOf(state));

describe('in one run, a server that is', () => {
  it.each([
    ['locked, its boot image deleted', 'locked', 'crash-consistent', 'ACTIVE'],
    ['PAUSED', 'paused', 'paused', 'PAUSED'],
    ['SUSPENDED', 'suspended', 'suspended', 'SUSPENDED'],
    ['being snapshotted by its user', 'busy', 'crash-consistent', 'ACTIVE'],
  ])('%s is backed up with its data, labelled so, and left so', async (_, state, label, status) => {
    expect(outcomeOf(state)).toMatchObject({ consistency: label, error: null });
    expect((await stage.lab.openstack.servers.show(idOf(state))).status).toBe(status);

    const output = join(stage.snapbank.directory, `${state}.raw`);
    const checkpoint = outcomeOf(state)?.checkpoint ?? '';
    await stage.snapbank.run(['export', checkpoint, '--output', output, '--format', 'raw']);

    expect(await marksOnDisk(output)).toEqual([{ ...marks.get(state), whole: true }]);
  });

  it('being built is backed up as soon as it is', () => {
    expect(outcomeOf('building')).toMatchObject({ consistency: 'crash-consistent', error: null });
  });

  it('locked stays locked', async () => {
    expect((await stage.lab.openstack.servers.show(idOf('locked'))).locked).toBe(true);
  });

  it.each([
    ['RESCUE', 'rescued'],
    ['VERIFY_RESIZE', 'resized'],
    ['SHELVED_OFFLOADED', 'shelved'],
    ['ERROR', 'failed'],
  ])('%s is refused with its state', async (status, state) => {
    expect(outcomeOf(state)).toMatchObject({
      status: 'failed',
      error: { name: 'ServerInWrongState', message: expect.stringContaining(status) },
    });
    expect((await stage.lab.openstack.servers.show(idOf(state))).status).toBe(status);
  });

  it.each(['foreign', 'unknown'])('%s is not found', (state) => {
    const id = state === 'foreign' ? idOf(state) : unknown;

    expect(outcomes.get(id)).toMatchObject({
      status: 'failed',
      error: { name: 'ServerNotFound', message: expect.stringContaining(id) },
    });
  });
});

describe('a snapshot that its user takes meanwhile', () => {
  it('does not keep the backup from its end, and is left to its user', async () => {
    for (const id of own) {
      expect(await stage.lab.openstack.images.show(id)).toMatchObject({ status: 'active' });
    }
  });
});

it('nothing is left in the cloud or open in the bank', async () => {
  await unlock(stage.lab, idOf('locked'));
  await stage.guests.deleteAll();
  await other.guests.deleteAll();
  for (const id of own.splice(0)) await stage.lab.openstack.images.delete(id);

  const words = [name, unknown, ...ids.values()];
  expect(await leftovers(stage.lab, words)).toEqual([]);
  expect(await leftovers(other.lab, words)).toEqual([]);
  expect(await leftoversInBank(stage.snapbank)).toEqual([]);
});
