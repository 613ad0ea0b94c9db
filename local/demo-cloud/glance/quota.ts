import { Refusal } from '../http/refusal.ts';
import type { CloudState, Project } from '../state.ts';

const mib = 1024 * 1024;

/** Keystone's unified limits compare what is used already, so the upload that exceeds the limit passes. */
export function isOverSize(state: CloudState, project: Project): boolean {
  const limit = project.imageQuota.sizeTotalMib;
  return limit !== undefined && usedMib(state, project) > limit;
}

export function isOverCount(state: CloudState, project: Project): boolean {
  const limit = project.imageQuota.countTotal;
  return limit !== undefined && imagesOf(state, project).length >= limit;
}

export function mustHaveRoomForImage(state: CloudState, project: Project): void {
  if (!isOverCount(state, project)) return;
  const limit = project.imageQuota.countTotal ?? 0;
  const used = imagesOf(state, project).length;
  throw overLimit(project, 'image_count_total', { limit, used, delta: 1 });
}

export function mustHaveRoomForData(state: CloudState, project: Project): void {
  if (!isOverSize(state, project)) return;
  const limit = project.imageQuota.sizeTotalMib ?? 0;
  throw overLimit(project, 'image_size_total', { limit, used: usedMib(state, project), delta: 0 });
}

function overLimit(
  project: Project,
  resource: string,
  { limit, used, delta }: { limit: number; used: number; delta: number },
): Refusal {
  const usage = `current usage ${used} and delta ${delta}`;
  return new Refusal(
    413,
    'The request returned a 413 Request Entity Too Large. This generally means that rate limiting or a quota threshold was breached.\n\n' +
      `The response body:\nProject ${project.id} is over a limit for [Resource ${resource} is over limit of ${limit} due to ${usage}]`,
  );
}

const imagesOf = (state: CloudState, project: Project) =>
  [...state.images.values()].filter(({ projectId }) => projectId === project.id);

const usedMib = (state: CloudState, project: Project): number =>
  Math.floor(
    imagesOf(state, project).reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0) / mib,
  );
