import { describe, expect, it } from 'vitest';
import { jsonLines } from '../../../cli/terminal/json-lines.ts';
import { FakeTerminal } from './fake-terminal.ts';

describe('jsonLines', () => {
  it('writes one document a line, safe to show', () => {
    const stream = new FakeTerminal();

    jsonLines(stream)({ type: 'progress', name: 'a\u009b2J\n\u202eb' });

    expect(stream.written).toBe('{"type":"progress","name":"a\\u009b2J\\n\\u202eb"}\n');
  });

  it('goes on silently when its reader has gone', () => {
    const stream = new FakeTerminal();
    const write = jsonLines(stream);

    stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    write({ type: 'summary' });

    expect(stream.written).toBe('');
  });

  it('does not hide any other fault of the stream', () => {
    const stream = new FakeTerminal();
    jsonLines(stream);

    expect(() => stream.emit('error', new Error('disk full'))).toThrow('disk full');
  });
});
