import * as z from 'zod';
import type { ProgressEvent } from '../../lib/services.ts';

/** What the items of a distributed Map move: from the output of the function that planned them. */
interface MapBytes {
  phase: ProgressEvent['phase'];
  /** The state whose function knows the total. */
  plannedBy: string;
  /** Undefined where the output does not say it. */
  totalBytes(payload: unknown): number | undefined;
}

const UploadPlanned = z.object({ guestSizeBytes: z.number() });
const RestorePlanned = z.object({
  image: z.object({ fileSizeBytes: z.number(), guestSizeBytes: z.number() }),
});
const VerifyPlanned = z.object({ totalBytes: z.number() });
const CollectionPlanned = z.object({ dead: z.object({ bytes: z.number() }) });

/** By the Map's label. */
export const MAP_BYTES: Readonly<Record<string, MapBytes>> = {
  UploadSegments: {
    phase: 'upload',
    plannedBy: 'PlanUpload',
    totalBytes: (payload) => UploadPlanned.safeParse(payload).data?.guestSizeBytes,
  },
  AssembleParts: {
    phase: 'restore',
    plannedBy: 'PlanRestore',
    totalBytes: (payload) => RestorePlanned.safeParse(payload).data?.image.fileSizeBytes,
  },
  CheckImage: {
    phase: 'check',
    plannedBy: 'PlanRestore',
    totalBytes: (payload) => RestorePlanned.safeParse(payload).data?.image.guestSizeBytes,
  },
  VerifySegments: {
    phase: 'verify',
    plannedBy: 'PlanVerify',
    totalBytes: (payload) => VerifyPlanned.safeParse(payload).data?.totalBytes,
  },
  DeleteObjects: {
    phase: 'collect',
    plannedBy: 'PlanCollection',
    totalBytes: (payload) => CollectionPlanned.safeParse(payload).data?.dead.bytes,
  },
};

/** The Map whose items are executions that a display follows one by one, as many as it has time for. */
export const FOLLOWED_MAP = 'ProtectServers';
/** And the one within these, whose items are part of what their server is shown to do. */
export const FOLLOWED_WITHIN = 'UploadDisks';

/** `…:mapRun:snapbank-backup/UploadSegments:6f1c…` is a run of UploadSegments. */
export function labelOf(mapRunArn: string): string {
  return /\/([^/:]+):[^:]+$/.exec(mapRunArn)?.[1] ?? '';
}
