import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import type { Bank } from '../../lib/bank/bank.ts';
import { createBank } from '../../lib/bank/create-bank.ts';
import { rotateKeys } from '../../lib/bank/keys/access.ts';
import { formatSecretKey, newSecretKey } from '../../lib/bank/keys/key-text.ts';
import type { NewAccess } from '../../lib/bank/keys/new-access.ts';
import type { BankPlaces } from '../../lib/bank/places.ts';
import { commitCheckpoint } from '../../lib/bank/register/commit-checkpoint.ts';
import { openCheckpoint } from '../../lib/bank/register/open-checkpoint.ts';
import { registerOn } from '../../lib/bank/register/register.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import { type BackedUp, backUp, memoryPlaces, QUICK_SCRYPT } from '../lib/bank/a-bank.ts';
import { keysOf } from '../lib/bank/tamper.ts';
import { type GoldenBank, type GoldenKind, goldenFile } from './golden-bank.ts';
import { KINDS } from './kinds.ts';

// Makes the golden banks that are not there yet: `node test/golden/make-golden-banks.ts`. One that is there stays for ever.

const CHUNK = 4096;
const PASSPHRASE = 'Gr\u00fc\u00dfe aus der Bank';

function disk(change: string): Buffer {
  const digests = Array.from({ length: 150 }, (_, n) =>
    createHash('sha256').update(String(n)).digest(),
  );
  const bytes = Buffer.concat([
    Buffer.alloc(CHUNK, 'a chunk of text\n'),
    Buffer.alloc(9 * CHUNK),
    ...digests,
    Buffer.alloc(CHUNK, `${change}\n`),
    Buffer.from('the last chunk is short'),
  ]);
  return bytes;
}

async function stored(store: ObjectStore): Promise<Record<string, string>> {
  const objects: Record<string, string> = {};
  for (const key of await keysOf(store, '')) {
    objects[key] = Buffer.from(await store.get(key)).toString('base64');
  }
  return objects;
}

async function commit(bank: Bank, contents: Buffer, parent?: BackedUp): Promise<BackedUp> {
  const register = registerOn({ store: bank.places.register, nameKey: bank.keys.nameKey });
  const server = { cloud: 'cloud.example/v3', region: 'one', projectId: 'p', serverId: 's' };
  const execution = { id: `golden ${parent === undefined ? 'first' : 'second'}` };
  const { checkpoint } = await openCheckpoint(register, { execution, server });
  const made = await backUp(bank, contents, { checkpoint, ...(parent && { parent }) });
  await commitCheckpoint(register, checkpoint, { root: made.ref });
  return made;
}

async function make(kind: GoldenKind): Promise<GoldenBank> {
  const places: BankPlaces = memoryPlaces();
  const key = newSecretKey();
  const access: NewAccess[] =
    kind === 'key-file'
      ? [{ label: 'key file', role: 'reader', publicKey: key.publicKey }]
      : [{ label: 'safe', role: 'reader', passphrase: PASSPHRASE, scryptCost: QUICK_SCRYPT }];
  const made = await createBank(places, {
    access: kind === 'unsealed' ? 'unsealed' : access,
    chunkSizeBytes: CHUNK,
    chunksPerSegment: 8,
  });
  const [before, after] = [disk('before'), disk('after')];
  const first = await commit(made, before);
  // The second checkpoint is of another epoch, where there are any.
  const later = kind === 'unsealed' ? made : await rotateKeys(made);
  const second = await commit(later, after, first);
  return {
    secretKey: kind === 'key-file' ? formatSecretKey(key) : null,
    passphrase: kind === 'passphrase' ? PASSPHRASE : null,
    checkpoints: [
      { made: first, bytes: before },
      { made: second, bytes: after },
    ].map(({ made: { root }, bytes }) => ({
      checkpoint: root.checkpoint,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      merkleRoot: root.disks[0]?.merkleRoot ?? '',
    })),
    bank: await stored(places.bank),
    register: await stored(places.register),
  };
}

for (const kind of KINDS) {
  const file = goldenFile(kind);
  if (existsSync(file)) continue;
  writeFileSync(file, `${JSON.stringify(await make(kind), null, 1)}\n`);
  process.stdout.write(`made ${file}\n`);
}
