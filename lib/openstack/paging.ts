import { RequestRefused, UnexpectedAnswer } from './errors.ts';
import type { Fields } from './fields.ts';

export interface Page<T> {
  readonly items: readonly T[];
  /** What the service names as the next page: a URL, of which only the marker counts. Hosts and paths in it may be internal ones. */
  readonly next: string | null;
}

/**
 * All items of a list that comes in pages. When the item that marks a page's beginning is deleted meanwhile, which Nova answers with
 * 400, the list is read again and what has been handed out is skipped.
 */
export async function* allPages<T extends { readonly id: string }>(
  readPage: (marker: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T> {
  const seen = new Set<string>();
  let marker: string | undefined;
  for (;;) {
    let page: Page<T>;
    try {
      page = await readPage(marker);
    } catch (error) {
      if (marker === undefined || !isMarkerGone(error)) throw error;
      marker = undefined;
      continue;
    }
    for (const item of page.items) {
      if (seen.has(item.id)) continue;
      seen.add(item.id);
      yield item;
    }
    if (page.next === null) return;
    const next = markerOf(page.next) ?? page.items.at(-1)?.id;
    if (next === undefined || next === marker) {
      throw new UnexpectedAnswer('A list goes on with a page that is the one before it.');
    }
    marker = next;
  }
}

/** The link of relation `next` in `servers_links`, `networks_links`, … */
export function nextLink(body: Fields, key: string): string | null {
  const link = body.children(key).find((link) => link.text('rel') === 'next');
  return link?.text('href') ?? null;
}

function markerOf(next: string): string | undefined {
  return new URL(next, 'http://localhost').searchParams.get('marker') ?? undefined;
}

function isMarkerGone(error: unknown): boolean {
  return error instanceof RequestRefused && /marker/i.test(error.message);
}
