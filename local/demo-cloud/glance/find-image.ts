import { type Call, param } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Image, Project } from '../state.ts';

/** The image that the path names, if the project may see it; else 404. */
export function findImage(
  state: CloudState,
  call: Call,
  missing: (id: string) => string = (id) => `No image found with ID ${id}`,
): Image {
  const id = param(call, 'image');
  const image = state.images.get(id);
  if (image === undefined || !isVisible(image, call.project)) throw new Refusal(404, missing(id));
  return image;
}

/** Of another project's images only public and community ones can be read, and none changed, but by administrators. */
export function findOwnImage(
  state: CloudState,
  call: Call,
  missing?: (id: string) => string,
): Image {
  const image = findImage(state, call, missing);
  const { project } = call;
  if (image.projectId !== project.id && !project.admin)
    throw new Refusal(403, 'You do not own this image');
  return image;
}

export const isVisible = (image: Image, project: Project): boolean =>
  project.admin ||
  image.projectId === project.id ||
  ['public', 'community'].includes(image.visibility);
