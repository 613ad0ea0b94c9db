import { ChunkReader } from '../../lib/bank/read/chunk-reader.ts';
import { openImageFile } from '../../lib/bank/read/image-file.ts';
import { isRooted } from '../../lib/bank/register/record.ts';
import { rawLayout } from '../../lib/disk/raw-layout.ts';
import { ROOT_DISK } from '../../lib/protect/disks.ts';
import { resolveCheckpoint } from '../../lib/protect/resolve-checkpoint.ts';
import { diskOf, readCheckpoint } from '../../lib/restore/checkpoint-root.ts';
import type { Services } from '../../lib/services.ts';

/** A disk of a checkpoint by guest address, read from the bank alone. */
export async function diskInBank(
  services: Services,
  reference: string,
  number = ROOT_DISK,
): Promise<Buffer> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const record = await resolveCheckpoint(bank, register, reference);
  if (!isRooted(record)) throw new Error(`Checkpoint ${record.checkpoint} is ${record.state}.`);
  const checkpoint = await readCheckpoint(bank, record);
  const reader = new ChunkReader(bank, checkpoint.root, diskOf(checkpoint, number).content);
  const pieces: Uint8Array[] = [];
  for await (const piece of openImageFile(rawLayout(reader.map), reader)) {
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}
