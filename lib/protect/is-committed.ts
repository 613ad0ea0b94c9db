import { readRecord } from '../bank/register/records.ts';
import type { Register } from '../bank/register/register.ts';

export async function isCommitted(
  register: Register,
  checkpoint: string,
  signal: AbortSignal,
): Promise<boolean> {
  const head = await readRecord(register, checkpoint, { signal });
  return head.kind === 'live' && head.value.state === 'COMMITTED';
}
