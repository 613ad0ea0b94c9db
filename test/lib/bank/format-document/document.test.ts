import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseSecretKey } from '../../../../lib/bank/keys/key-text.ts';
import { openBank as openOwn } from '../../../../lib/bank/open-bank.ts';
import { readRoot } from '../../../../lib/bank/roots.ts';
import { memoryPlaces } from '../a-bank.ts';
import { restoredDisk } from '../read/restored.ts';
import { readBlock, schemas } from './document.ts';
import { type ExampleBank, exampleDisk } from './example-bank.ts';
import { keyOfPassphrase, keyOfText, openBank, publicKeyOf, readDisk } from './stranger.ts';
import { vectors } from './vectors.ts';

const example = (await readBlock('example-bank')) as ExampleBank;
const objects = new Map(
  Object.entries(example.objects).map(([key, bytes]) => [key, Buffer.from(bytes, 'base64')]),
);
const disks = [exampleDisk('before'), exampleDisk('after')];

describe('docs/bank-format.md', () => {
  it('shows the schemas that the code checks', async () => {
    expect(await readBlock('schemas')).toEqual(JSON.parse(JSON.stringify(schemas())));
  });

  it('shows the vectors that the code computes', async () => {
    expect(await readBlock('vectors')).toEqual(await vectors());
  });

  it('shows keys as a stranger computes them', async () => {
    const { keyText, passphrase } = await vectors();

    expect(keyOfText(keyText.secretKeyText).toString('hex')).toBe(keyText.privateKey);
    expect(keyOfText(keyText.publicKeyText)).toEqual(
      publicKeyOf(Buffer.from(keyText.privateKey, 'hex')),
    );
    expect(keyOfPassphrase(passphrase.passphrase, passphrase.scrypt).toString('hex')).toBe(
      passphrase.privateKey,
    );
  });

  it('shows a bank that this version opens with each of its keys', async () => {
    const places = memoryPlaces();
    for (const [key, bytes] of objects) await places.bank.put(key, bytes);
    await places.register.put('bank.json', objects.get('bank.json') ?? Buffer.alloc(0));

    for (const credentials of [
      { key: parseSecretKey(example.secretKey) },
      { passphrase: example.passphrase },
    ]) {
      const bank = await openOwn(places, credentials);
      for (const [n, checkpoint] of example.checkpoints.entries()) {
        const root = await readRoot(bank, checkpoint.root);
        const disk = await restoredDisk(bank, root);
        expect(Buffer.compare(disk, disks[n] ?? Buffer.alloc(0))).toBe(0);
        expect(root.disks[0]?.merkleRoot).toBe(checkpoint.merkleRoot);
      }
    }
    const writer = await openOwn(places, { key: parseSecretKey(example.writerSecretKey) });
    expect(writer.info.access).toBe('writer');
  });

  it('shows a bank that a stranger reads with each of its keys', () => {
    for (const holder of [
      { privateKey: keyOfText(example.secretKey) },
      { passphrase: example.passphrase },
    ]) {
      const keys = openBank(objects, holder);
      for (const { root, diskSha256, guestSizeBytes } of example.checkpoints) {
        const disk = readDisk(keys, objects, root);
        expect(disk.length).toBe(guestSizeBytes);
        expect(createHash('sha256').update(disk).digest('hex')).toBe(diskSha256);
      }
    }
  });
});
