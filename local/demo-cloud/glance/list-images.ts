import type { Answer, Call } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Image } from '../state.ts';
import { isVisible } from './find-image.ts';
import { imageView } from './image-view.ts';

const notFilters = ['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'member_status'];

/** `GET /v2/images`: newest first, a page at a time. A full page has a `next`, also when nothing follows. */
export function listImages(state: CloudState, call: Call): Answer {
  const { query } = call;
  const images = [...state.images.values()]
    .filter((image) => isListed(image, call) && passes(state, image, call))
    .reverse();
  const ordered = isAscending(query) ? images.reverse() : images;
  const limit = Math.min(
    Number(query.get('limit') ?? state.settings.imagePageSize),
    state.settings.maxImagePageSize,
  );
  const start = startOf(ordered, query.get('marker'));
  const page = ordered.slice(start, start + limit);
  const last = page.at(-1);
  const first = new URLSearchParams(query);
  first.delete('marker');
  const next = new URLSearchParams(first);
  if (last !== undefined) next.set('marker', last.id);
  return {
    status: 200,
    json: {
      images: page.map((image) => imageView(state, image)),
      first: pathOf(first),
      schema: '/v2/schemas/images',
      ...(last !== undefined && page.length === limit ? { next: pathOf(next) } : {}),
    },
  };
}

const pathOf = (query: URLSearchParams): string =>
  query.size === 0 ? '/v2/images' : `/v2/images?${query.toString()}`;

function isListed(image: Image, call: Call): boolean {
  const asked = call.query.get('visibility');
  if (asked === 'all') return isVisible(image, call.project);
  if (asked !== null && image.visibility !== asked) return false;
  // Community images are listed only when they are asked for.
  if (call.project.admin) return asked !== null || image.visibility !== 'community';
  return image.projectId === call.project.id || image.visibility === (asked ?? 'public');
}

function passes(state: CloudState, image: Image, call: Call): boolean {
  const view: Record<string, unknown> = imageView(state, image);
  const tags = call.query.getAll('tag');
  return (
    tags.every((tag) => image.tags.includes(tag)) &&
    [...call.query]
      .filter(([name]) => ![...notFilters, 'tag', 'visibility'].includes(name))
      .every(([name, value]) =>
        name === 'os_hidden'
          ? String(image.hidden) === value.toLowerCase()
          : matches(view[name], value),
      ) &&
    (call.query.has('os_hidden') || !image.hidden)
  );
}

/** `in:a,b` is a list, everything else a value. */
function matches(actual: unknown, asked: string): boolean {
  const values = asked.startsWith('in:') ? asked.slice(3).split(',') : [asked];
  return values.includes(String(actual));
}

function isAscending(query: URLSearchParams): boolean {
  const sort = query.get('sort') ?? '';
  return sort.endsWith(':asc') || query.get('sort_dir') === 'asc';
}

function startOf(images: readonly Image[], marker: string | null): number {
  if (marker === null) return 0;
  const index = images.findIndex(({ id }) => id === marker);
  if (index === -1) throw new Refusal(404, `No image found with ID ${marker}`);
  return index + 1;
}
