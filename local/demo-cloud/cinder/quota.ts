import type { Call } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState } from '../state.ts';

/** 413 where the project has as many volumes, or snapshots, as it may. */
export function mustBeWithinQuota(
  state: CloudState,
  call: Call,
  kind: 'volumes' | 'snapshots',
): void {
  const allowed = state.settings.volumes.countTotal;
  const things = kind === 'volumes' ? state.volumes : state.volumeSnapshots;
  const used = [...things.values()].filter(({ projectId }) => projectId === call.project.id).length;
  if (used < allowed) return;
  const limit = kind === 'volumes' ? 'VolumeLimitExceeded' : 'SnapshotLimitExceeded';
  const what = kind === 'volumes' ? 'volumes' : 'snapshots';
  throw new Refusal(
    413,
    `${limit}: Maximum number of ${what} allowed (${allowed}) exceeded for quota '${what}'.`,
  );
}
