import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryStore } from '../../../../lib/bank/store/directory.ts';
import { describeObjectStore } from './conformance.ts';

describeObjectStore(
  'directoryStore',
  async () => {
    const parent = await mkdtemp(join(tmpdir(), 'snapbank-'));
    const path = join(parent, 'deep/bank');
    return {
      store: directoryStore(path),
      other: directoryStore(path),
      remove: () => rm(parent, { recursive: true }),
    };
  },
  { presigns: false },
);
