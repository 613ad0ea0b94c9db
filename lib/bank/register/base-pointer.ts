import * as z from 'zod';
import { ObjectNotFound } from '../store/errors.ts';
import type { CallOptions } from '../store/object-store.ts';
import { basePointerKey, type BootImage, CheckpointId } from './ids.ts';
import type { Register } from './register.ts';
import { FORMAT_VERSION } from '../format-version.ts';

const BasePointer = z.strictObject({
  version: z.literal(FORMAT_VERSION),
  checkpoint: CheckpointId,
  at: z.iso.datetime(),
});

/**
 * Notes the checkpoint as the newest one of its boot image. Advice only: it may be overwritten by an older one, point to a checkpoint
 * that is gone, or be missing. Whoever follows it pins the checkpoint and sees whether it is COMMITTED.
 */
export async function writeBasePointer(
  register: Register,
  image: BootImage,
  checkpoint: string,
  options: CallOptions = {},
): Promise<void> {
  const at = new Date(register.clock.now()).toISOString();
  const body = JSON.stringify({ version: FORMAT_VERSION, checkpoint, at } satisfies z.infer<
    typeof BasePointer
  >);
  const key = basePointerKey(register.nameKey, image);
  await register.store.put(key, Buffer.from(`${body}\n`), options);
}

/** The checkpoint that the pointer names; undefined where there is none, or none that can be read. */
export async function readBasePointer(
  register: Register,
  image: BootImage,
  options: CallOptions = {},
): Promise<string | undefined> {
  const key = basePointerKey(register.nameKey, image);
  try {
    const text = Buffer.from(await register.store.get(key, options)).toString();
    return BasePointer.parse(JSON.parse(text)).checkpoint;
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error;
    register.log.warn('A base pointer cannot be read and is left aside', { key });
    return undefined;
  }
}
