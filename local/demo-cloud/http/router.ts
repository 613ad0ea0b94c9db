import type { Route } from './call.ts';

export type Found =
  | { kind: 'route'; route: Route; params: Record<string, string> }
  /** The path exists, with these methods. */
  | { kind: 'method'; allowed: string[] }
  | { kind: 'none' };

export class Router {
  readonly #routes: readonly { route: Route; segments: readonly string[] }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: segmentsOf(route.pattern) }));
  }

  find(method: string, path: string): Found {
    const segments = segmentsOf(path);
    const allowed: string[] = [];
    for (const { route, segments: pattern } of this.#routes) {
      const params = match(pattern, segments);
      if (params === undefined) continue;
      if (route.method === method) return { kind: 'route', route, params };
      allowed.push(route.method);
    }
    return allowed.length === 0 ? { kind: 'none' } : { kind: 'method', allowed };
  }
}

function segmentsOf(path: string): string[] {
  return path.replace(/\/$/, '').split('/');
}

function match(pattern: readonly string[], segments: readonly string[]) {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? '';
    if (expected.startsWith('{')) params[expected.slice(1, -1)] = decodeURIComponent(segment);
    else if (expected !== segment) return undefined;
  }
  return params;
}
