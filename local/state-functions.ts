import { abandonCheckpoint } from '../functions/abandon-checkpoint.ts';
import { assembleRange } from '../functions/assemble-range.ts';
import { checkRange } from '../functions/check-range.ts';
import { closeCollection } from '../functions/close-collection.ts';
import { closeProof } from '../functions/close-proof.ts';
import { closeRestore } from '../functions/close-restore.ts';
import { closeVerification } from '../functions/close-verification.ts';
import { commitCheckpoint } from '../functions/commit-checkpoint.ts';
import { compactGroup } from '../functions/compact-group.ts';
import { createImage } from '../functions/create-image.ts';
import { createServer } from '../functions/create-server.ts';
import { createServerSnapshot } from '../functions/create-server-snapshot.ts';
import { deletePage } from '../functions/delete-page.ts';
import { deleteServerSnapshot } from '../functions/delete-server-snapshot.ts';
import { extendRetention } from '../functions/extend-retention.ts';
import { importImage } from '../functions/import-image.ts';
import { listProtectables } from '../functions/list-protectables.ts';
import { openAssembly } from '../functions/open-assembly.ts';
import { openCheckpoint } from '../functions/open-checkpoint.ts';
import { planCheck } from '../functions/plan-check.ts';
import { planCollection } from '../functions/plan-collection.ts';
import { planPrune } from '../functions/plan-prune.ts';
import { planRestore } from '../functions/plan-restore.ts';
import { planUpload } from '../functions/plan-upload.ts';
import { planVerify } from '../functions/plan-verify.ts';
import { pollImage } from '../functions/poll-image.ts';
import { pollImport } from '../functions/poll-import.ts';
import { pollServer } from '../functions/poll-server.ts';
import { pruneCheckpoints } from '../functions/prune-checkpoints.ts';
import { recordVerification } from '../functions/record-verification.ts';
import { restoreVolume } from '../functions/restore-volume.ts';
import { rollBackRestore } from '../functions/roll-back-restore.ts';
import { summariseBackup } from '../functions/summarise-backup.ts';
import { sweep } from '../functions/sweep.ts';
import { uploadImage } from '../functions/upload-image.ts';
import { uploadRange } from '../functions/upload-range.ts';
import { uploadStream } from '../functions/upload-stream.ts';
import { verifyRange } from '../functions/verify-range.ts';
import { copyVolume } from '../functions/copy-volume.ts';
import { deleteVolumeCopy } from '../functions/delete-volume-copy.ts';
import { snapshotVolume } from '../functions/snapshot-volume.ts';
import { startServer } from '../functions/start-server.ts';
import { stopServer } from '../functions/stop-server.ts';
import { handlerOf } from '../lib/handler.ts';
import type { Services } from '../lib/services.ts';
import type { StateFunction } from '../lib/state-function.ts';
import type { LocalFunction } from './engine/execution-options.ts';

const ALL = [
  abandonCheckpoint,
  assembleRange,
  checkRange,
  closeCollection,
  closeProof,
  closeRestore,
  closeVerification,
  commitCheckpoint,
  compactGroup,
  createImage,
  createServer,
  createServerSnapshot,
  deletePage,
  deleteServerSnapshot,
  extendRetention,
  importImage,
  listProtectables,
  openAssembly,
  openCheckpoint,
  planCheck,
  planCollection,
  planPrune,
  planRestore,
  planUpload,
  planVerify,
  pollImage,
  pollImport,
  pollServer,
  pruneCheckpoints,
  recordVerification,
  restoreVolume,
  rollBackRestore,
  summariseBackup,
  sweep,
  uploadImage,
  uploadRange,
  uploadStream,
  copyVolume,
  deleteVolumeCopy,
  snapshotVolume,
  startServer,
  stopServer,
  verifyRange,
] as const;

/** Names of all Task states that call a function. */
export const STATE_FUNCTION_NAMES: readonly string[] = ALL.map(({ name }) => name);

/** Every state function behind the same handler as on AWS, by the name of its state. */
export function stateFunctions(services: Services): Record<string, LocalFunction> {
  const table: Record<string, LocalFunction> = {};
  for (const definition of ALL) {
    const handler = handlerOf(definition as StateFunction<unknown, unknown>, () => services);
    table[definition.name] = async (payload, context) => await handler(payload, context);
  }
  return table;
}
