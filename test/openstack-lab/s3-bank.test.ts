import { describe, expect, it } from 'vitest';
import { printBackupFigures, printFigures } from './figures.ts';
import type { Guest } from './guests.ts';
import { leftovers } from './leftovers.ts';
import { s3Environment } from './s3-environment.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

const s3 = await s3Environment();

let guest: Guest;
const name = uniqueName('on-s3');

describe.skipIf(s3 === undefined)('a server backed up into S3', () => {
  const stage = useStage(
    async () => {
      guest = await stage.guests.boot(name);
    },
    { bank: `s3://${s3?.['S3_LAB_BUCKET']}/${name}`, env: s3 ?? {} },
  );

  it('is stored there', async () => {
    const run = await stage.snapbank.backup(['--server', name]);

    printBackupFigures('into S3', run);
    expect(run.summary.servers).toMatchObject([{ id: guest.id, error: null }]);
    await stage.guests.delete(guest.id);
  });

  it.each(['web-download', 'stream'])('comes back by %s with its data', async (method) => {
    const args = ['--import', method, '--check', '--name', `${name}-${method}`];

    const run = await stage.snapbank.restore(`${name}@latest`, args);
    stage.guests.adopt(run.summary);

    printFigures(`restore by ${method}`, `${run.summary.bytes} bytes, ${run.seconds.toFixed(1)} s`);
    expect(run.summary.identical).toBe(true);
    const { found } = await stage.guests.report(run.summary.serverId ?? '', 2);
    expect(found).toEqual([{ ...guest.marks[0], whole: true }]);
  });

  it('shows no presigned URL in anything that it prints', async () => {
    const args = ['--import', 'web-download', '--image-only', '--name', `${name}-image`, '--debug'];

    const run = await stage.snapbank.restore(`${name}@latest`, args);
    stage.guests.adopt(run.summary);

    expect(JSON.stringify(run)).not.toMatch(/X-Amz-Signature/i);
  });

  it('leaves nothing in the cloud', async () => {
    await stage.guests.deleteAll();

    expect(await leftovers(stage.lab, [guest.id, name])).toEqual([]);
  });
});
