import * as z from 'zod';
import { WriteOutcomeUnknown } from '../store/errors.ts';
import { getIfThere } from '../store/get-if-there.ts';
import type { CallOptions } from '../store/object-store.ts';
import { basePointerKey, type BootImage, CheckpointId } from './ids.ts';
import type { Register } from './register.ts';
import { FORMAT_VERSION } from '../format-version.ts';

const BasePointer = z.strictObject({
  version: z.literal(FORMAT_VERSION),
  checkpoint: CheckpointId,
  /** When this was written. */
  at: z.iso.datetime(),
});
type BasePointer = Readonly<z.infer<typeof BasePointer>>;

/**
 * Notes the checkpoint as the newest one of its boot image, or as the one that is to be the first. Advice only: it may be overwritten by
 * an older one, point to a checkpoint that is gone or never comes, or be missing. Whoever follows it pins the checkpoint and sees whether it is COMMITTED.
 */
export async function writeBasePointer(
  register: Register,
  image: BootImage,
  checkpoint: string,
  options: CallOptions = {},
): Promise<void> {
  const key = basePointerKey(register.nameKey, image);
  await register.store.put(key, pointerTo(register, checkpoint), options);
}

/** Whether the checkpoint is now the first one that a pointer of its boot image names; false where there is one, or may be. */
export async function createBasePointer(
  register: Register,
  image: BootImage,
  checkpoint: string,
  options: CallOptions = {},
): Promise<boolean> {
  const key = basePointerKey(register.nameKey, image);
  try {
    return await register.store.putIfAbsent(key, pointerTo(register, checkpoint), options);
  } catch (error) {
    if (error instanceof WriteOutcomeUnknown) return false;
    throw error;
  }
}

function pointerTo(register: Register, checkpoint: string): Uint8Array {
  const at = new Date(register.clock.now()).toISOString();
  const pointer: BasePointer = { version: FORMAT_VERSION, checkpoint, at };
  return Buffer.from(`${JSON.stringify(pointer)}\n`);
}

/** The checkpoint that the pointer names, and since when; undefined where there is none, or none that can be read. */
export async function readBasePointer(
  register: Register,
  image: BootImage,
  options: CallOptions = {},
): Promise<BasePointer | undefined> {
  const key = basePointerKey(register.nameKey, image);
  const bytes = await getIfThere(register.store, key, options);
  if (bytes === undefined) return undefined;
  try {
    return BasePointer.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error;
    register.log.warn('A base pointer cannot be read and is left aside', { key });
    return undefined;
  }
}
