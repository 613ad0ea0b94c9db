import type { CallOptions } from '../store/object-store.ts';
import { createBasePointer, readBasePointer, writeBasePointer } from './base-pointer.ts';
import type { BootImage } from './ids.ts';
import { isAlive } from './lease.ts';
import type { OpenRecord } from './record.ts';
import { readRecord } from './records.ts';
import type { Register } from './register.ts';

/** Who named its checkpoint in the pointer opens it right after. */
const OPENED_WITHIN_MILLISECONDS = 60_000;

/** The checkpoint that is to be the base of its boot image, and its record, where it is open already. */
export interface ComingBase {
  checkpoint: string;
  record?: OpenRecord;
}

/**
 * The checkpoint of another server of the boot image that is under way and will be the base; undefined where `checkpoint` need not wait:
 * there is a base, or from now on the pointer names `checkpoint` itself, so that the others wait for it. Advice only, as the pointer is:
 * where two servers both come to be first, each stores for itself what they have in common.
 */
export async function comingBase(
  register: Register,
  bootImage: BootImage,
  checkpoint: string,
  options: CallOptions = {},
): Promise<ComingBase | undefined> {
  let pointer = await readBasePointer(register, bootImage, options);
  if (pointer === undefined) {
    if (await createBasePointer(register, bootImage, checkpoint, options)) return undefined;
    pointer = await readBasePointer(register, bootImage, options);
  }
  if (pointer?.checkpoint === checkpoint) return undefined;
  if (pointer !== undefined) {
    const head = await readRecord(register, pointer.checkpoint, options);
    const { kind } = head;
    if (kind === 'live' && head.value.state === 'COMMITTED') return undefined;
    if (kind === 'live' && head.value.state === 'OPEN' && (await isAlive(register, head.value))) {
      return { checkpoint: pointer.checkpoint, record: head.value };
    }
    const ageMilliseconds = register.clock.now() - Date.parse(pointer.at);
    if (kind === 'absent' && ageMilliseconds < OPENED_WITHIN_MILLISECONDS) return pointer;
  }
  await writeBasePointer(register, bootImage, checkpoint, options);
  return undefined;
}
