import { describe, expect, it } from 'vitest';
import { remedyOf } from '../../cli/remedies.ts';
import { errorClasses } from '../error-classes.ts';

describe('remedyOf', () => {
  it('knows what to do about every error that can come out of an execution', () => {
    const inside = errorClasses().filter(({ file }) => !file.startsWith('cli/'));

    for (const { name, remedy } of inside) {
      expect(remedyOf(name), name).toBe(remedy.replaceAll("\\'", "'"));
    }
  });

  it('makes nothing up for other errors', () => {
    expect(remedyOf('States.Timeout')).toBeUndefined();
    expect(remedyOf('toString')).toBeUndefined();
  });
});
