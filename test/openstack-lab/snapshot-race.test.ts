import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import { printFigures } from './figures.ts';
import type { Guest } from './guests.ts';
import { leftovers, leftoversInBank } from './leftovers.ts';
import { marksOnDisk } from './marks-on-disk.ts';
import { NovaInBetween } from './nova-in-between.ts';
import { novaOf } from './rest.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

const name = uniqueName('race');
/** Of the user at the moment of each createImage of the backup; at most one of all these is taken. */
const AT_ONCE = 2;
/** That the user takes one after the other from then on. */
const MORE = 4;
const LONGEST_BACKUP_SECONDS = 600;

let guest: Guest;
let between: NovaInBetween;
/** How createImage of the backup was answered, by Nova itself. */
let statuses: number[] = [];
/** How a gateway answers in the place of a 500. */
let instead = 500;
let more = 0;
const taking = new Set<Promise<unknown>>();

const stage = useStage(async ({ lab, guests }) => {
  guest = await guests.boot(name);
  const isOurs = ({ body }: { body: string }) => body.includes('"snapbank-');
  between = await NovaInBetween.start(await novaOf(lab), {
    before(asked) {
      if (!isOurs(asked)) return;
      for (let count = 0; count < AT_ONCE; count += 1) follow(byUser());
      if (more > 0) follow(overAndOver());
    },
    answer(asked, status) {
      if (!isOurs(asked)) return status;
      statuses.push(status);
      return status === 500 ? instead : status;
    },
  });
});

afterAll(() => {
  between?.close();
});

function follow(work: Promise<unknown>): void {
  const done = work.catch(() => undefined).finally(() => taking.delete(done));
  taking.add(done);
}

async function byUser(): Promise<void> {
  const { servers } = stage.lab.openstack;
  await servers.createImage(guest.id, { name: `${name}-by-its-user`, metadata: {} });
}

async function overAndOver(): Promise<void> {
  for (; more > 0; more -= 1) {
    await eventually('a snapshot of the user', 120, async () =>
      byUser().then(
        () => true,
        () => undefined,
      ),
    );
  }
}

/** Backs up until createImage has lost a race with its user, and tells how long that backup took. */
async function backUpRaced(answeredInstead: number, moreOfTheUser: number): Promise<number> {
  instead = answeredInstead;
  for (let run = 1; run <= 6; run += 1) {
    statuses = [];
    more = moreOfTheUser;
    const { summary, seconds } = await stage.snapbank.backup(['--server', name], {
      env: { OS_COMPUTE_ENDPOINT_OVERRIDE: between.url },
    });
    expect(summary.servers).toMatchObject([{ id: guest.id, error: null }]);
    await Promise.all(taking);
    const met = statuses.includes(500);
    printFigures('createImage raced', `${statuses.join(', ')}; ${seconds.toFixed(1)} s`);
    if (met) return seconds;
  }
  throw new Error('No createImage of the backup lost a race.');
}

describe('a server that its user snapshots in the very moment of the backup', () => {
  it.each([
    ['Nova says that it came second', 500, 0],
    ['a gateway hides what Nova says', 504, 0],
    ['a gateway hides it, and the user takes one snapshot after the other', 504, MORE],
  ])('is backed up all the same where %s', async (_, answeredInstead, moreOfTheUser) => {
    const seconds = await backUpRaced(answeredInstead, moreOfTheUser);

    expect(seconds).toBeLessThan(LONGEST_BACKUP_SECONDS);
    const output = join(
      stage.snapbank.directory,
      `${String(answeredInstead)}-${moreOfTheUser}.raw`,
    );
    await stage.snapbank.run(['export', `${name}@latest`, '--output', output, '--format', 'raw']);
    expect(await marksOnDisk(output)).toEqual([{ ...guest.marks[0], whole: true }]);
  });

  it('and no image is left but those of its user', async () => {
    const { images } = stage.lab.openstack;
    for await (const image of images.list({ properties: { instance_uuid: guest.id } })) {
      expect(image.name).toBe(`${name}-by-its-user`);
      await images.delete(image.id);
    }
    await stage.guests.deleteAll();

    expect(await leftovers(stage.lab, [guest.id, name])).toEqual([]);
    expect(await leftoversInBank(stage.snapbank)).toEqual([]);
  });
});
