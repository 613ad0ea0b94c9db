import { afterEach, describe, expect, it, vi } from 'vitest';
import { styleFor } from '../../../cli/terminal/style.ts';
import { FakeTerminal } from './fake-terminal.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('styleFor', () => {
  it('colours on a terminal only', () => {
    vi.stubEnv('FORCE_COLOR', undefined);
    const terminal = new FakeTerminal();
    const pipe = new FakeTerminal();
    pipe.isTTY = false;

    expect(styleFor(terminal)('red', 'x')).toBe('\u001b[31mx\u001b[39m');
    expect(styleFor(pipe)('red', 'x')).toBe('x');
  });

  it('colours elsewhere when FORCE_COLOR asks for it', () => {
    vi.stubEnv('FORCE_COLOR', '1');
    const pipe = new FakeTerminal();
    pipe.isTTY = false;

    expect(styleFor(pipe)('red', 'x')).toBe('\u001b[31mx\u001b[39m');
  });
});
