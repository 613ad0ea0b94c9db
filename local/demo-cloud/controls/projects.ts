import type { DemoCloud, DemoProject, NewProject } from '../demo-cloud.ts';
import { newHexId, newSecret } from '../identifiers.ts';
import type { CloudState } from '../state.ts';
import { projectOf } from './known.ts';

export function projectControls(
  state: CloudState,
): Pick<DemoCloud, 'addProject' | 'setImageQuota' | 'tokens' | 'expireTokens'> {
  return {
    addProject: (project) => addProject(state, project),
    setImageQuota(quota, projectId) {
      projectOf(state, projectId).imageQuota = quota;
    },
    tokens: () => [...state.tokens.keys()],
    expireTokens: () => state.tokens.clear(),
  };
}

export function addProject(state: CloudState, project: NewProject): DemoProject {
  const { id = newHexId(), userId = newHexId(), name, userName = name } = project;
  const applicationCredential = { id: newHexId(), secret: newSecret() };
  state.projects.set(id, {
    id,
    name,
    userId,
    userName,
    credential: applicationCredential,
    admin: project.admin ?? false,
    credentialExpiresAt: project.credentialExpiresAt,
    imageQuota: project.imageQuota ?? {},
  });
  return { projectId: id, userId, applicationCredential };
}
