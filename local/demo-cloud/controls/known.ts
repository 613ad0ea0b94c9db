import { InvalidInput } from '../../../lib/errors.ts';
import type { CloudState, Project } from '../state.ts';

/** The record of this id; a caller that names none that exists is told so. */
export function known<T>(records: ReadonlyMap<string, T>, what: string, id: string): T {
  const record = records.get(id);
  if (record !== undefined) return record;
  throw new InvalidInput(`the demo cloud has no ${what} ${id}`, { identifiers: { [what]: id } });
}

/** The project of this id, or the first one. */
export function projectOf(state: CloudState, projectId: string | undefined): Project {
  const id = projectId ?? state.projects.keys().next().value ?? '';
  return known(state.projects, 'project', id);
}
