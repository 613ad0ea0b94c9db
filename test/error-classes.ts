import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ErrorClass {
  name: string;
  when: string;
  remedy: string;
  file: string;
}

const root = join(import.meta.dirname, '..');
const CLASS =
  /export class (\w+) extends \w+ \{\s+static readonly when =\s+(['"`])([\s\S]*?)\2;\s+static readonly remedy =\s+(['"`])([\s\S]*?)\4;\s+override readonly name = '(\w+)' as const;/g;

/** Every error class of the project, as its source says it. */
export function errorClasses(): ErrorClass[] {
  return globSync('{lib,local,cli}/**/*.ts', { cwd: root }).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return [...text.matchAll(CLASS)].map(([, name = '', , when = '', , remedy = '']) => ({
      name,
      when,
      remedy,
      file,
    }));
  });
}
