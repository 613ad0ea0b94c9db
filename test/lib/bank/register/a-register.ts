import { createHash, createSecretKey } from 'node:crypto';
import type { ServerIdentity } from '../../../../lib/bank/register/identity.ts';
import {
  type CheckpointRequest,
  openCheckpoint,
} from '../../../../lib/bank/register/open-checkpoint.ts';
import { commitCheckpoint } from '../../../../lib/bank/register/commit-checkpoint.ts';
import type { OpenRecord, RootedRecord } from '../../../../lib/bank/register/record.ts';
import { type Register, registerOn } from '../../../../lib/bank/register/register.ts';
import { VirtualClock } from '../../../virtual-clock.ts';
import { memoryStore } from '../store/memory-store.ts';

export interface TestRegister extends Register {
  readonly clock: VirtualClock;
}

/** A register in memory, on a virtual clock, whose chance is the same in every run. */
export function aRegister(parts: Partial<Register> = {}): TestRegister {
  const clock = new VirtualClock();
  let drawn = 0;
  return {
    ...registerOn({
      store: memoryStore({ location: 'memory:register', clock }),
      nameKey: createSecretKey(new Uint8Array(32).fill(7)),
      isProcessGone: () => Promise.resolve(false),
      randomHex: (bytes) => {
        drawn += 1;
        return createHash('sha512')
          .update(String(drawn))
          .digest('hex')
          .slice(0, bytes * 2);
      },
      ...parts,
    }),
    clock,
  };
}

export function aServer(serverId = 'server-1'): ServerIdentity {
  return { cloud: 'keystone.example/v3', region: 'north', projectId: 'project', serverId };
}

export function aRoot(name = 'a'): { key: string; digest: string } {
  return {
    key: `roots/${name}`,
    digest: createHash('sha256').update(name).digest('hex'),
  };
}

/** Opens a checkpoint that is expected to be OPEN. */
export async function opened(
  register: Register,
  execution: string,
  more: Partial<CheckpointRequest> = {},
): Promise<OpenRecord> {
  const record = await openCheckpoint(register, {
    execution: { id: execution },
    server: aServer(),
    ...more,
  });
  if (record.state !== 'OPEN') throw new Error(`${record.checkpoint} is ${record.state}`);
  return record;
}

/** A checkpoint that an execution opened and committed. */
export async function committed(
  register: Register,
  execution: string,
  more: Partial<CheckpointRequest> = {},
): Promise<RootedRecord> {
  const { checkpoint } = await opened(register, execution, more);
  return await commitCheckpoint(register, checkpoint, { root: aRoot(checkpoint) });
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}
