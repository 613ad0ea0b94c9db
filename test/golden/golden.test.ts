import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { UnsupportedBank } from '../../lib/bank/errors.ts';
import { parseSecretKey } from '../../lib/bank/keys/key-text.ts';
import { rawPrivateKey } from '../../lib/bank/keys/x25519.ts';
import { openBank } from '../../lib/bank/open-bank.ts';
import { listCheckpoints } from '../../lib/bank/register/list-checkpoints.ts';
import { isRooted, type RootedRecord } from '../../lib/bank/register/record.ts';
import { registerOn } from '../../lib/bank/register/register.ts';
import { readRoot } from '../../lib/bank/roots.ts';
import { backUp } from '../lib/bank/a-bank.ts';
import {
  openBank as openAsStranger,
  readDisk,
  readRecords,
} from '../lib/bank/format-document/stranger.ts';
import { restoredDisk } from '../lib/bank/read/restored.ts';
import { type GoldenBank, objectsOf, placesOf, readGoldenBank } from './golden-bank.ts';
import { KINDS } from './kinds.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function credentialsOf({ secretKey, passphrase }: GoldenBank) {
  return {
    ...(secretKey === null ? {} : { key: parseSecretKey(secretKey) }),
    ...(passphrase === null ? {} : { passphrase }),
  };
}

describe.each(KINDS)('a bank of version 1 (%s), as it was written once', (kind) => {
  const golden = readGoldenBank(kind);

  it('is read, checkpoint by checkpoint, and built on', async () => {
    const bank = await openBank(await placesOf(golden), credentialsOf(golden));
    const register = registerOn({ store: bank.places.register, nameKey: bank.keys.nameKey });
    const records = new Map<string, RootedRecord>();
    for await (const record of listCheckpoints(register)) {
      if (isRooted(record)) records.set(record.checkpoint, record);
    }
    expect([...records.keys()].sort()).toEqual(
      golden.checkpoints.map(({ checkpoint }) => checkpoint).sort(),
    );

    for (const { checkpoint, sizeBytes, sha256: expected, merkleRoot } of golden.checkpoints) {
      const { root: ref } = records.get(checkpoint) ?? {};
      if (ref === undefined) throw new Error(`${checkpoint} is not there.`);
      const root = await readRoot(bank, ref);
      const disk = await restoredDisk(bank, root);
      expect(root.disks[0]?.merkleRoot).toBe(merkleRoot);
      expect(disk.length).toBe(sizeBytes);
      expect(sha256(disk)).toBe(expected);

      const changed = Buffer.from(disk);
      changed.fill('new', 0, 100);
      const parent = { pin: { checkpoint, root: ref }, root, ref, receipts: [] };
      const next = await backUp(bank, changed, { parent, checkpoint: `f${checkpoint.slice(1)}` });
      expect(next.root.stats.newChunks).toBe(1);
      expect(Buffer.compare(await restoredDisk(bank, next.root), changed)).toBe(0);
    }
  });

  it('is read by whoever has only the document', () => {
    const objects = objectsOf(golden.bank);
    const { secretKey, passphrase } = golden;
    const holder =
      secretKey === null
        ? passphrase === null
          ? undefined
          : { passphrase }
        : { privateKey: rawPrivateKey(parseSecretKey(secretKey).privateKey) };
    const keys = openAsStranger(objects, holder);
    const records = readRecords(keys, objectsOf(golden.register));
    const read = records.map(({ checkpoint, root }) => ({
      checkpoint,
      sha256: sha256(readDisk(keys, objects, root)),
    }));

    expect(read.toSorted((one, other) => one.checkpoint.localeCompare(other.checkpoint))).toEqual(
      golden.checkpoints
        .map(({ checkpoint, sha256: expected }) => ({ checkpoint, sha256: expected }))
        .sort((one, other) => one.checkpoint.localeCompare(other.checkpoint)),
    );
  });

  it('is refused by name when it says that it is of version 0', async () => {
    const places = await placesOf(golden);
    const file = JSON.parse(Buffer.from(await places.bank.get('bank.json')).toString());
    await places.bank.put('bank.json', Buffer.from(JSON.stringify({ ...file, version: 0 })));

    await expect(openBank(places, credentialsOf(golden))).rejects.toThrow(UnsupportedBank);
    await expect(openBank(places, credentialsOf(golden))).rejects.toThrow('format version 0');
  });
});
