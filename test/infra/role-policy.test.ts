import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Role, ROLES, roleStatements } from '../../infra/role-policy.ts';

const places = { bank: 's3://bank/b', register: 's3://register', work: 's3://work/w/x' };

/** What of the bank or the register an action is allowed on. */
function allowed(role: Role, action: string, below: string, locked = false): string[] {
  return roleStatements(role, { ...places, locked })
    .filter(({ Action }) => Action.includes(action))
    .flatMap(({ Resource }) => Resource)
    .filter((arn) => arn.startsWith(below))
    .map((arn) => arn.slice(below.length))
    .sort();
}

const inBank = (role: Role, action: string, locked?: boolean) =>
  allowed(role, action, 'arn:aws:s3:::bank/b/', locked);
const data = (keys: readonly string[]) => keys.filter((key) => /^(packs|roots|segments)/.test(key));

/** Kinds of keys that a cell of the page names; `before`: what "the same" means. */
const words = (cell = '', before = '') =>
  (cell.startsWith('the same') ? before : cell).match(/\w+(?=\/`)/g)?.map((key) => `${key}/*`) ??
  [];

describe('the policies of the roles', () => {
  it('let a backup read no data, delete nothing of the bank and replace no bank.json', () => {
    expect(data(inBank('backup', 's3:GetObject'))).toEqual(['roots/*', 'segments/*']);
    expect(inBank('backup', 's3:PutObject')).toEqual(['packs/*', 'roots/*', 'segments/*']);
    for (const action of ['s3:DeleteObject', 's3:DeleteObjectVersion'])
      expect(inBank('backup', action, true)).toEqual([]);
  });

  it('let nobody but the collector delete from the bank, and nobody go around a lock', () => {
    for (const role of Object.keys(ROLES) as Role[]) {
      expect(inBank(role, 's3:DeleteObject').length > 0, role).toBe(role === 'collect');
      const text = JSON.stringify(roleStatements(role, { ...places, locked: true }));
      expect(text).not.toMatch(/Bypass|s3:\*|"\*"/);
    }
  });

  it('speak of retention only where the bank is locked', () => {
    expect(inBank('backup', 's3:PutObjectRetention')).toEqual([]);
    expect(inBank('backup', 's3:PutObjectRetention', true)).toContain('packs/*');
  });

  it('are what docs/operations.md says', () => {
    const page = readFileSync('docs/operations.md', 'utf8');
    const rows = [
      ...page.matchAll(/^\| `(\w+)`[^|]*\| ([^|]*) \| ([^|]*) \| ([^|]*) \| [^|]* \|$/gm),
    ];
    const said = new Map(rows.map(([, role = '', ...cells]) => [role, cells.slice(0, 3)]));
    for (const role of Object.keys(ROLES) as Role[]) {
      const [reads = '', writes, deletes] = said.get(role) ?? [];
      expect(words(reads).sort(), role).toEqual(data(inBank(role, 's3:GetObject')));
      expect(words(writes, reads).sort(), role).toEqual(inBank(role, 's3:PutObject'));
      expect(words(deletes, reads).sort(), role).toEqual(inBank(role, 's3:DeleteObject'));
    }
  });
});
