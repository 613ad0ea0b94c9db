import { createHash } from 'node:crypto';
import { createBank } from '../../../../lib/bank/create-bank.ts';
import { formatSecretKey, newSecretKey } from '../../../../lib/bank/keys/key-text.ts';
import { type BackedUp, backUp, memoryPlaces, QUICK_SCRYPT } from '../a-bank.ts';
import { keysOf } from '../tamper.ts';

/** A whole sealed bank, small enough to be printed: two checkpoints of one disk. */
export interface ExampleBank {
  /** Of the reader's access slot. */
  secretKey: string;
  /** Of another reader's. */
  passphrase: string;
  /** Of the writer's. */
  writerSecretKey: string;
  /** What the records name. */
  checkpoints: {
    root: { key: string; digest: string };
    guestSizeBytes: number;
    diskSha256: string;
    merkleRoot: string;
  }[];
  /** Base64 of every object of the bank. */
  objects: Record<string, string>;
}

const CHUNK = 4096;

/** Five chunks, the second a hole, the third equal to the first; the last is short. Three segments of four, the second all holes. */
export function exampleDisk(fourth: string): Buffer {
  const lines = (line: string) => Buffer.alloc(CHUNK, `${line}\n`);
  const digests = [1, 2, 3].map((n) => createHash('sha256').update(String(n)).digest());
  return Buffer.concat([
    lines('a chunk of text'),
    Buffer.alloc(CHUNK),
    lines('a chunk of text'),
    lines(fourth),
    Buffer.alloc(4 * CHUNK),
    ...digests,
  ]);
}

export async function makeExampleBank(): Promise<ExampleBank> {
  const places = memoryPlaces();
  const [reader, writer] = [newSecretKey(), newSecretKey()];
  const passphrase = 'Grüße aus der Bank';
  const bank = await createBank(places, {
    chunkSizeBytes: CHUNK,
    chunksPerSegment: 4,
    access: [
      { label: 'operator', role: 'reader', publicKey: reader.publicKey },
      { label: 'safe', role: 'reader', passphrase, scryptCost: QUICK_SCRYPT },
      { label: 'backup machine', role: 'writer', publicKey: writer.publicKey },
    ],
  });
  const [before, after] = [exampleDisk('before'), exampleDisk('after')];
  const parent = await backUp(bank, before, { checkpoint: '0123456789abcdef01234567' });
  const next = await backUp(bank, after, { checkpoint: '89abcdef0123456701234567', parent });
  const objects: Record<string, string> = {};
  for (const key of await keysOf(places.bank, '')) {
    objects[key] = Buffer.from(await places.bank.get(key)).toString('base64');
  }
  return {
    secretKey: formatSecretKey(reader),
    passphrase,
    writerSecretKey: formatSecretKey(writer),
    checkpoints: [described(parent, before), described(next, after)],
    objects,
  };
}

function described({ ref, root }: BackedUp, disk: Buffer): ExampleBank['checkpoints'][0] {
  return {
    root: ref,
    guestSizeBytes: disk.length,
    diskSha256: createHash('sha256').update(disk).digest('hex'),
    merkleRoot: root.disks[0]?.merkleRoot ?? '',
  };
}
