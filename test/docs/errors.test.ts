import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorClasses } from '../error-classes.ts';
import { ERRORS_PAGE, errorsPage } from './errors-page.ts';

describe('docs/errors.md', () => {
  it('is what the error classes say (npm run docs:errors)', () => {
    expect(readFileSync(ERRORS_PAGE, 'utf8')).toBe(errorsPage());
  });

  it('has every exported error', () => {
    const root = join(import.meta.dirname, '..', '..');
    const named = globSync('{lib,local,cli}/**/*.ts', { cwd: root }).flatMap((file) =>
      [
        ...readFileSync(join(root, file), 'utf8').matchAll(
          /^\s+override readonly name = '(\w+)' as const;/gm,
        ),
      ].map(([, name]) => name),
    );
    const listed = new Set(errorClasses().map(({ name }) => name));

    expect(new Set(named.filter((name) => !listed.has(name ?? '')))).toEqual(
      // These never leave the engine and the command.
      new Set(['EvaluationError', 'StateFailure', 'Stopped']),
    );
  });

  it('names each error once', () => {
    const names = errorClasses().map(({ name }) => name);

    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
